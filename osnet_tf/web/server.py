"""The server of the web demo: files of this machine to a browser on this machine, no more."""

import base64
import hashlib
import re
import sys
import threading
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from osnet_tf.errors import FileError, NotFoundError, OSNetError
from osnet_tf.export.model_json import NAME, changed_files, read_manifest

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
CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".wasm": "application/wasm",
}
#: Seconds after which a connection that says nothing, or takes nothing, is closed.
SILENCE = 30
_PART = 1 << 16


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
def web_demo(model_dir, *, port=0, node_modules=None):
    """Serves a page where crops are dropped and compared, to this machine only.

    The page runs the exported `.tflite` file in the browser. Nothing is uploaded: the server knows
    GET and HEAD only, listens on 127.0.0.1, hands out a fixed list of files, and its
    Content-Security-Policy forbids the page any other address.

    Args:
        model_dir: Folder that `train/export.py` wrote: `model.json` and at least one LiteRT file
            of batch size 1. The files are compared with their sha256 once, here.
        port: 0 for any free one.
        node_modules: Where npm installed `@litertjs/core`; by default beside this file.

    Returns:
        A context manager. It gives the page's address, and serves until it is left.

    Raises:
        NotFoundError: there is no model, or no LiteRT.js; the message says how to get it.
        FileError: `model.json` cannot be used, or a file is not the one that it describes.
        PortError: the port cannot be used.

    >>> with web_demo("saved_models/nowhere") as address:
    ...     print(address)
    Traceback (most recent call last):
    osnet_tf.errors.NotFoundError: There is no saved_models/nowhere/model.json: ...
    """
    files = _model_files(Path(model_dir))
    files |= _npm_files(Path(FOLDER / "node_modules" if node_modules is None else node_modules))
    page = FOLDER / "page"
    files |= {f"/{path.name}": _Served(path, page) for path in page.iterdir() if path.is_file()}
    files["/"] = files.pop("/index.html")
    policy = _content_security_policy(files["/"].path.read_text(encoding="utf-8"))
    try:
        server = _Server(("127.0.0.1", port), partial(_Handler, files=files, policy=policy))
    except (OSError, OverflowError) as error:
        raise PortError(f"Cannot listen on 127.0.0.1. Received: port={port} ({error})") from error
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


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
        "style-src 'self'; connect-src 'self'; img-src blob: data:; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    )


class _Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """A browser that goes away in the middle is no error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.1"  # or what is no HTTP at all is answered without headers
    timeout = SILENCE

    def __init__(self, *arguments, files, policy):
        self.files, self.policy = files, policy
        super().__init__(*arguments)

    def do_GET(self):
        self._answer()

    def do_HEAD(self):
        self._answer(body=False)

    def _answer(self, body=True):
        # A name that leads here from elsewhere would let another site's page read the files.
        if self.headers.get("Host", "").partition(":")[0] not in ("127.0.0.1", "localhost"):
            self.send_error(HTTPStatus.FORBIDDEN, "Only for 127.0.0.1 and localhost")
            return
        served = self.files.get(unquote(self.path.partition("?")[0]))
        path = served and served.found()
        try:
            file = path and path.open("rb")
        except OSError:
            file = None
        if not file:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        with file:
            size = file.seek(0, 2)
            file.seek(0)
            self.send_response(HTTPStatus.OK)
            kind = CONTENT_TYPES.get(served.path.suffix.lower(), "application/octet-stream")
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(size))
            self.end_headers()
            while body and size and (part := file.read(min(size, _PART))):
                self.wfile.write(part)
                size -= len(part)
            self.close_connection |= body and size > 0  # cut short under our hands

    def end_headers(self):
        """Adds what keeps a browser from doing more with an answer, of errors too."""
        self.send_header("Content-Security-Policy", self.policy)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, *_):
        """Library code says nothing."""
