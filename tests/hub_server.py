"""A hub on loopback: as much of the Hugging Face Hub as downloading a model asks for."""

import contextlib
import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@contextlib.contextmanager
def hub_server(repositories):
    """Serves `{"user/repo": {file name: bytes}}`; yields (its address, the requests so far)."""
    requests = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_HEAD(self):
            self.answer(False)

        def do_GET(self):
            self.answer(True)

        def answer(self, with_body):
            requests.append(f"{self.command} {self.path}")
            status, headers, body = respond(repositories, self.path.partition("?")[0])
            self.send_response(status)
            for name, value in {**headers, "Content-Length": len(body)}.items():
                self.send_header(name, str(value))
            self.end_headers()
            if with_body:
                self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", requests
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def respond(repositories, path):
    """(status, headers, body) of a request."""
    api = re.fullmatch(r"/api/models/([^/]+/[^/]+)/(revision|tree)/([^/]+)", path)
    file = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
    name, revision = (api[1], api[3]) if api else (file[1], file[2]) if file else (None, None)
    if name not in repositories:
        return 404, {"X-Error-Code": "RepoNotFound"}, b"Repository not found"
    if revision not in ("main", COMMIT):
        return 404, {"X-Error-Code": "RevisionNotFound"}, b"Revision not found"
    files = repositories[name]
    if api and api[2] == "revision":
        siblings = [{"rfilename": file} for file in files]
        about = {"id": name, "modelId": name, "sha": COMMIT, "siblings": siblings, "tags": []}
        return 200, {"Content-Type": "application/json"}, json.dumps(about).encode()
    if api:
        tree = [
            {"type": "file", "path": path, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
            for path, data in files.items()
        ]
        return 200, {"Content-Type": "application/json"}, json.dumps(tree).encode()
    if file[3] not in files:
        return 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT}, b"Entry not found"
    data = files[file[3]]
    etag = hashlib.sha256(data).hexdigest()
    return 200, {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT}, data
