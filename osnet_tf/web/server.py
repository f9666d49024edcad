"""The server of the web demo: its files, and a gallery, to a browser on this machine, or with a
token."""

import base64
import hashlib
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

from osnet_tf.errors import ArgumentError, FileError, NotFoundError, OSNetError
from osnet_tf.export.model_json import NAME, changed_files, read_manifest
from osnet_tf.types import PathLike
from osnet_tf.web.gallery_api import GalleryApi
from osnet_tf.web.handler import LOOPBACK, Handler

FOLDER = Path(__file__).parent
#: What npm puts into `node_modules` and the page loads. Browsers without relaxed SIMD take compat.
NPM_FILES = (
    "@litertjs/core/dist/index.js",
    "@litertjs/wasm-utils/dist/index.js",
    *(
        f"@litertjs/core/wasm/litert_wasm_{kind}.{suffix}"
        for kind in ("internal", "compat_internal")
        for suffix in ("js", "wasm")
    ),
)
_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,200}")


class PortError(OSNetError, OSError):
    """A port that cannot be listened on."""


class _Served(NamedTuple):
    """A file that is handed out, as long as it is a regular file that really lies in a folder."""

    path: Path
    folder: Path

    def found(self):
        """The file itself, links followed; None where it is missing or leads out of the folder."""
        real = self.path.resolve()
        inside = real.is_relative_to(self.folder.resolve())
        return real if inside and real.is_file() else None


@contextmanager
def web_demo(
    model_dir: PathLike,
    *,
    port: int = 0,
    node_modules: PathLike | None = None,
    gallery: PathLike | None = None,
    crops: PathLike | None = None,
    host: str = "127.0.0.1",
    token: str | None = None,
) -> Iterator[str]:
    """Serves a page where crops are dropped, compared and searched for, by default to this machine.

    The page runs the exported `.tflite` file in the browser. Without a gallery nothing is uploaded:
    the server knows GET and HEAD only, hands out a fixed list of files, and its
    Content-Security-Policy forbids the page any other address. With a gallery the page sends it
    embeddings to search for, and crops that the user adds.

    Args:
        model_dir: Folder that `train/export.py` wrote: `model.json` and at least one LiteRT file
            of batch size 1. The files are compared with their sha256 once, here.
        port: 0 for any free one.
        node_modules: Where npm installed `@litertjs/core`; by default beside this file.
        gallery: An open `osnet_tf.search.Gallery` of the same model; None for none.
        crops: Folder in which the pictures of added crops are kept; with a gallery.
        host: The address to listen on. Any but 127.0.0.1 and localhost takes a token.
        token: 16 to 200 letters, digits, `-` and `_`, which every request must bring: as `?token=`,
            after which a cookie does, or as `Authorization: Bearer`. The connection is not
            encrypted: across a network that others use, put a TLS proxy before it.

    Returns:
        A context manager. It gives the page's address (with the token), and serves until it is
        left.

    Raises:
        NotFoundError: there is no model, or no LiteRT.js; the message says how to get it.
        FileError: `model.json` cannot be used, or a file is not the one that it describes.
        PortError: the port cannot be used.
        ArgumentError: a gallery of another model, or without `crops`; a host that takes a token
            without one, or another token than that.

    >>> with web_demo("saved_models/nowhere") as address:
    ...     print(address)
    Traceback (most recent call last):
    osnet_tf.errors.NotFoundError: There is no saved_models/nowhere/model.json: ...
    """
    api = _gallery_api(gallery, crops, model_dir)
    _check_token(host, token)
    files = _model_files(Path(model_dir))
    files |= _npm_files(Path(FOLDER / "node_modules" if node_modules is None else node_modules))
    page = FOLDER / "page"
    files |= {f"/{path.name}": _Served(path, page) for path in page.iterdir() if path.is_file()}
    files["/"] = files.pop("/index.html")
    policy = _content_security_policy(files["/"].path.read_text(encoding="utf-8"))
    try:
        handler = partial(
            Handler,
            files=files,
            policy=policy,
            api=api,
            token=token,
            anywhere=host not in LOOPBACK,
        )
        server = _Server((host, port), handler)
    except (OSError, OverflowError) as error:
        raise PortError(f"Cannot listen on {host}. Received: port={port} ({error})") from error
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{server.server_port}/{f'?token={token}' if token else ''}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _gallery_api(gallery, crops, model_dir):
    if gallery is None:
        return None
    own = read_manifest(Path(model_dir))["fingerprint"]
    if gallery.about.fingerprint != own:
        raise ArgumentError(
            f"{gallery.uri} holds embeddings of another model than {model_dir}", argument="gallery"
        )
    if crops is None:
        raise ArgumentError("A gallery needs a folder for added crops", argument="crops")
    return GalleryApi(gallery, crops)


def _check_token(host, token):
    if token is None and host not in LOOPBACK:
        raise ArgumentError(
            f"Other machines may ask only with a token. Received: host={host!r}, token=None",
            argument="token",
        )
    if token is not None and not (isinstance(token, str) and _TOKEN.fullmatch(token)):
        raise ArgumentError("`token` must be 16 to 200 letters, digits, - and _", argument="token")


def _model_files(folder):
    """model.json and the LiteRT files that the page can run."""
    record = read_manifest(folder)
    names = [
        f["path"]
        for f in record["files"]
        if f["format"] == "litert" and f["batch_size"] == 1 and f["passed"]
    ]
    if not names:
        raise FileError(
            folder / NAME,
            "lists no LiteRT file of batch size 1 that passed its check: export the model with "
            "--formats=tflite",
        )
    changed = set(names).intersection(changed_files(folder))
    if changed:
        raise FileError(
            folder,
            "has files that are missing or not those that its model.json describes: "
            f"{', '.join(sorted(changed))}. Export the model again",
        )
    return {f"/model/{name}": _Served(folder / name, folder) for name in (NAME, *names)}


def _npm_files(node_modules):
    files = {f"/npm/{name}": _Served(node_modules / name, node_modules) for name in NPM_FILES}
    for file in files.values():
        if file.found() is None:
            raise NotFoundError(
                f"There is no {file.path}: the page needs the npm package @litertjs/core. "
                f"Install it with: npm ci --prefix {FOLDER}"
            )
    return files


def _content_security_policy(page):
    """Own files only. An import map must stand in the page itself, so its hash is named."""
    script = re.search(r'<script type="importmap">(.*?)</script>', page, re.S)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'self' 'sha256-{digest}' 'wasm-unsafe-eval'; "
        "style-src 'self'; connect-src 'self'; img-src 'self' blob: data:; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    )


class _Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """A browser that goes away in the middle is no error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)
