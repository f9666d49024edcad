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
from urllib.parse import unquote

from osnet_tf.errors import ArgumentError, NotFoundError
from osnet_tf.export.model_json import changed_files, read_manifest

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
        ValueError: `model.json` cannot be used, or a file is not the one that it describes.
        OSError: the port cannot be used.

    >>> with web_demo("saved_models/nowhere") as address:
    ...     print(address)
    Traceback (most recent call last):
    osnet_tf.errors.NotFoundError: There is no saved_models/nowhere/model.json: ...
    """
    files = {f"/model/{path.name}": path for path in _model_files(Path(model_dir))}
    files |= _npm_files(FOLDER / "node_modules" if node_modules is None else node_modules)
    files |= {f"/{path.name}": path for path in (FOLDER / "page").iterdir() if path.is_file()}
    files["/"] = files.pop("/index.html")
    policy = _content_security_policy(files["/"].read_text(encoding="utf-8"))
    try:
        server = _Server(("127.0.0.1", port), partial(_Handler, files=files, policy=policy))
    except (OSError, OverflowError) as error:
        raise OSError(f"Cannot listen on 127.0.0.1. Received: port={port} ({error})") from error
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
    usable = [
        f
        for f in record["files"]
        if f["format"] == "litert" and f["batch_size"] == 1 and f["passed"]
    ]
    if not usable:
        raise ArgumentError(
            f"{folder}/model.json lists no LiteRT file of batch size 1 that passed its check: "
            "export the model with --formats=tflite"
        )
    names = [f["path"] for f in usable]
    for name in names:
        if Path(name).name != name:
            raise ArgumentError(f"{folder}/model.json lists a file outside its folder: {name}")
    changed = set(names).intersection(changed_files(folder))
    if changed:
        raise ArgumentError(
            f"{folder} has files that are missing or not those that its model.json describes: "
            f"{', '.join(sorted(changed))}. Export the model again"
        )
    return [folder / "model.json", *(folder / name for name in names)]


def _npm_files(node_modules):
    files = {f"/npm/{name}": Path(node_modules) / name for name in NPM_FILES}
    for path in files.values():
        if not path.is_file():
            raise NotFoundError(
                f"There is no {path}: the page needs the npm package @litertjs/core. "
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
        path = self.files.get(unquote(self.path.partition("?")[0]))
        try:
            content = path.read_bytes() if path else None
        except OSError:
            content = None
        if content is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        self.send_response(HTTPStatus.OK)
        suffix = path.suffix.lower()
        self.send_header("Content-Type", CONTENT_TYPES.get(suffix, "application/octet-stream"))
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Security-Policy", self.policy)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *_):
        """Library code says nothing."""
