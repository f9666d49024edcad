"""How the web demo's server answers: files, and what the page asks a gallery."""

import hmac
import json
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, unquote, urlsplit

from osnet_tf.errors import ArgumentError, OSNetError

CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".wasm": "application/wasm",
}
#: Seconds after which a connection that says nothing, or takes nothing, is closed.
SILENCE = 30
#: Bytes of a question: an embedding and a picture.
LARGEST = 32 * 2**20
LOOPBACK = ("127.0.0.1", "localhost")
_PART = 1 << 16


class Handler(BaseHTTPRequestHandler):
    """One connection.

    Args:
        files: Path of the address -> what has `path` and `found()`, the file itself or None.
        policy: The Content-Security-Policy.
        api: A `GalleryApi`, or None.
        token: What each request must bring; None for nothing.
        anywhere: Whether requests may name another host than this machine.
    """

    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.1"  # or what is no HTTP at all is answered without headers
    timeout = SILENCE

    def __init__(self, *arguments, files, policy, api, token, anywhere):
        self.files, self.policy, self.api = files, policy, api
        self.token, self.anywhere = token, anywhere
        super().__init__(*arguments)

    def do_GET(self):
        self._answer()

    def do_HEAD(self):
        self._answer(body=False)

    def do_POST(self):
        """A question to the gallery, in JSON."""
        self.close_connection = True  # what is refused is not read
        if self.api is None:
            self.send_error(HTTPStatus.NOT_IMPLEMENTED, "Unsupported method ('POST')")
            return
        if not self._may_ask():
            return
        # A page of another site can send neither this type nor its own origin
        origin = self.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != self.headers.get("Host"):
            self.send_error(HTTPStatus.FORBIDDEN, "Only for this page")
            return
        if self.headers.get_content_type() != "application/json":
            self.send_error(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
            return
        answers = {"/gallery/search": self.api.search, "/gallery/add": self.api.add}
        if self.path not in answers:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            self.send_error(HTTPStatus.LENGTH_REQUIRED)
            return
        if len(length) > 10 or int(length) > LARGEST:
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        try:
            asked = json.loads(self.rfile.read(int(length)))
            if not isinstance(asked, dict):
                raise ArgumentError("A question is an object")
            self._send_json(answers[self.path](asked))
        except (ValueError, RecursionError, OSNetError) as error:
            self._send_json({"error": str(error)}, HTTPStatus.BAD_REQUEST)

    def _may_ask(self):
        """Whether the request brings the token, and was meant for this machine; or an answer."""
        # A name that leads here from elsewhere would let another site's page read the files.
        if not self.anywhere and self.headers.get("Host", "").partition(":")[0] not in LOOPBACK:
            self.send_error(HTTPStatus.FORBIDDEN, f"Only for {' and '.join(LOOPBACK)}")
            return False
        if self.token is None:
            return True
        given = [self.headers.get("Authorization", "").removeprefix("Bearer ")]
        for part in self.headers.get("Cookie", "").split(";"):
            name, _, value = part.strip().partition("=")
            given += [value] if name == "token" else []
        if any(self._is_token(value) for value in given):
            return True
        if self.command == "GET" and self._is_token(self._token_of_path()):
            self.send_response(HTTPStatus.SEE_OTHER)  # and the address bar shows it no more
            self.send_header("Set-Cookie", f"token={self.token}; HttpOnly; SameSite=Lax; Path=/")
            self.send_header("Location", "/")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return False
        self.send_error(HTTPStatus.UNAUTHORIZED, "The address that was printed has a token")
        return False

    def _token_of_path(self):
        return parse_qs(self.path.partition("?")[2]).get("token", [""])[0]

    def _is_token(self, value):
        return hmac.compare_digest(value.encode(), self.token.encode())

    def _send_json(self, value, status=HTTPStatus.OK):
        self._send(json.dumps(value).encode(), "application/json", status)

    def _send(self, content, kind, status=HTTPStatus.OK, body=True):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def _answer(self, body=True):
        if not self._may_ask():
            return
        if self.api is not None and self.path == "/gallery/about":
            self._send(json.dumps(self.api.about()).encode(), "application/json", body=body)
            return
        if self.api is not None and self.path.startswith("/gallery/pictures/"):
            found = self.api.picture(self.path.rpartition("/")[2])
            if found is None:
                self.send_error(HTTPStatus.NOT_FOUND)
            else:
                self._send(*found, body=body)
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
