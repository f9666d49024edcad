"""What the web demo's server hands out, what it refuses, what it says when something is missing."""

import http.client
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from osnet_tf.errors import FileError, NotFoundError
from osnet_tf.export.exported import Exported, stored_files
from osnet_tf.export.formats import Artefact
from osnet_tf.files import write_json
from osnet_tf.web import handler, web_demo
from osnet_tf.web.server import FOLDER, NPM_FILES
from tests.export.handmade import manifest_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def node_modules(tmp_path):
    """Files with the names that npm installs: the server does not look inside."""
    for name in NPM_FILES:
        path = tmp_path / "node_modules" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "node_modules"


@pytest.fixture
def model_dir(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "model.tflite").write_bytes(b"weights")
    (folder / "batch8.tflite").write_bytes(b"more weights")
    (folder / "failed.tflite").write_bytes(b"bad weights")
    (folder / "secret.txt").write_text("secret")
    write_model_json(folder)
    return folder


def write_model_json(folder, **changes):
    files = []
    for name, size, problems in [
        ("model.tflite", 1, ()),
        ("batch8.tflite", 8, ()),
        ("failed.tflite", 1, ("loses 9 points of mAP",)),
    ]:
        artefact = Artefact(name, "litert", batch_size=size)
        files.append(Exported(artefact, stored_files(folder / name), problems=problems).entry())
    write_json(folder / "model.json", {**manifest_of(files), **changes})
    return files


def assert_guarded(headers):
    """What keeps a browser from doing more with an answer than the page means to."""
    assert "connect-src 'self'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"


def ask(address, path, method="GET", **headers):
    """Status, headers and body; the path goes out as it stands."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=10)
    try:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def test_it_hands_out_the_page_the_runtime_and_the_model(model_dir, node_modules):
    with web_demo(model_dir, node_modules=node_modules) as address:
        for path, expected in [
            ("/", FOLDER / "page" / "index.html"),
            ("/?query", FOLDER / "page" / "index.html"),
            ("/resize.js", FOLDER / "page" / "resize.js"),
            ("/model/model.json", model_dir / "model.json"),
            ("/model/model.tflite", model_dir / "model.tflite"),
            (f"/npm/{NPM_FILES[0]}", node_modules / NPM_FILES[0]),
        ]:
            status, headers, body = ask(address, path)
            assert (status, body) == (200, expected.read_bytes()), path
            assert_guarded(headers)
        status, headers, body = ask(address, "/model/model.tflite", "HEAD")
        assert (status, headers["Content-Length"], body) == (200, "7", b"")


def test_it_refuses_everything_else(model_dir, node_modules):
    with web_demo(model_dir, node_modules=node_modules) as address:
        for path in (
            "/model/secret.txt",
            "/model/batch8.tflite",
            "/model/failed.tflite",
            "/model/../mine/secret.txt",
            "/model/%2e%2e/mine/secret.txt",
            "/model/",
            "/server.py",
            "/../server.py",
            "/..%2fserver.py",
            f"/npm/../mine/{'secret.txt'}",
            "/npm/@litertjs/core/package.json",
            "//etc/passwd",
            str(model_dir / "secret.txt"),
        ):
            status, headers, _ = ask(address, path)
            assert status == 404, path
            assert_guarded(headers)
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            status, headers, _ = ask(address, "/", method)
            assert status == 501, method
            assert_guarded(headers)
        status, headers, _ = ask(address, "/", Host="attacker.example")
        assert status == 403
        assert_guarded(headers)
        assert ask(address, "/", Host="localhost:1")[0] == 200
        (model_dir / "model.tflite").unlink()
        assert ask(address, "/model/model.tflite")[0] == 404


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET / HTTP/9.0", 505),
        (b"GET / HTTP/1.x", 400),
        (b"nonsense", 400),
        (b"GET", 400),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1", 414),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000, 431),
    ],
)
def test_what_is_no_request_is_answered_with_the_same_headers(
    model_dir, node_modules, request_line, status
):
    with web_demo(model_dir, node_modules=node_modules) as address:
        with socket.create_connection(("127.0.0.1", urlsplit(address).port), timeout=10) as raw:
            raw.sendall(request_line + b"\r\n\r\n")
            response = http.client.HTTPResponse(raw)
            response.begin()
            assert response.status == status
            assert_guarded(response.headers)
        assert ask(address, "/")[0] == 200


def test_links_that_leave_the_folder_are_not_followed(model_dir, node_modules, tmp_path):
    """Nor pipes opened, which would hang. Links that stay inside, as npm makes them, are fine."""
    inside = node_modules / NPM_FILES[0]
    inside.rename(inside.with_name("real.js"))
    inside.symlink_to("real.js")
    outside = tmp_path / "outside.tflite"
    outside.write_bytes(b"weights")
    with web_demo(model_dir, node_modules=node_modules) as address:
        assert ask(address, f"/npm/{NPM_FILES[0]}")[2] == NPM_FILES[0].encode()
        (model_dir / "model.tflite").unlink()
        for make in (lambda p: p.symlink_to(outside), os.mkfifo, Path.mkdir):
            make(model_dir / "model.tflite")
            assert ask(address, "/model/model.tflite")[0] == 404
            (model_dir / "model.tflite").rename(tmp_path / f"away-{make.__name__}")
    (model_dir / "model.tflite").write_bytes(b"weights")
    write_model_json(model_dir)
    inside.unlink()
    inside.symlink_to(outside)
    with (
        pytest.raises(NotFoundError, match=r"index.js"),
        web_demo(model_dir, node_modules=node_modules),
    ):
        pass


def test_a_silent_connection_is_closed(model_dir, node_modules, monkeypatch):
    monkeypatch.setattr(handler.Handler, "timeout", 0.2)
    with web_demo(model_dir, node_modules=node_modules) as address:
        for said in (b"", b"GET / HT"):
            with socket.create_connection(("127.0.0.1", urlsplit(address).port), timeout=20) as raw:
                raw.sendall(said)
                assert raw.recv(1) == b""
    assert 1 <= handler.SILENCE <= 120


def test_a_large_file_comes_whole_and_in_parts(model_dir, node_modules, monkeypatch):
    """Also where it is cut short while it goes out: the connection ends, nothing is made up."""
    content = os.urandom(3 * 65536 + 7)
    (model_dir / "model.tflite").write_bytes(content)
    write_model_json(model_dir)
    with web_demo(model_dir, node_modules=node_modules) as address:
        assert ask(address, "/model/model.tflite")[2] == content
        opened = Path.open
        monkeypatch.setattr(Path, "open", lambda path, mode: _Shorter(opened(path, mode)))
        with pytest.raises(http.client.IncompleteRead):
            ask(address, "/model/model.tflite")


class _Shorter:
    """A file that ends before its size."""

    def __init__(self, file):
        self.file = file

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def seek(self, *where):
        return self.file.seek(*where)

    def read(self, size):
        assert size <= 65536
        return b"" if self.file.tell() > 65536 else self.file.read(size)


def test_it_listens_on_one_address_and_frees_the_port(model_dir, node_modules):
    with web_demo(model_dir, node_modules=node_modules) as address:
        port = urlsplit(address).port
        if sys.platform == "linux":  # where all of 127.0.0.0/8 is this machine
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.2", port), timeout=5)
        with (
            pytest.raises(OSError, match=f"Cannot listen.*Received: port={port}"),
            web_demo(model_dir, port=port, node_modules=node_modules),
        ):
            pass
    with web_demo(model_dir, port=port, node_modules=node_modules) as again:
        assert again == address


def test_errors_say_what_is_missing(model_dir, node_modules, tmp_path):
    def refusal(error, **arguments):
        arguments = {"model_dir": model_dir, "node_modules": node_modules, **arguments}
        with pytest.raises(error) as caught, web_demo(**arguments):
            pass
        return str(caught.value)

    assert "There is no " in refusal(NotFoundError, model_dir=tmp_path)
    message = refusal(NotFoundError, node_modules=tmp_path / "nowhere")
    assert f"{tmp_path / 'nowhere' / NPM_FILES[0]}" in message
    assert f"npm ci --prefix {FOLDER}" in message

    files = write_model_json(model_dir)
    write_model_json(model_dir, files=files[1:])
    assert "no LiteRT file of batch size 1 that passed" in refusal(FileError)
    write_model_json(model_dir, files=[{**files[0], "path": "../mine/secret.txt"}])
    assert "outside its folder as `files[0].path`: '../mine/secret.txt'" in refusal(FileError)
    write_model_json(model_dir)
    (model_dir / "batch8.tflite").unlink()  # which the page does not use
    with web_demo(model_dir, node_modules=node_modules):
        pass
    (model_dir / "model.tflite").write_bytes(b"others!")
    assert "model.tflite. Export the model again" in refusal(FileError)


def test_it_starts_at_once():
    """Without TensorFlow, which takes seconds to load: the page computes in the browser."""
    code = (
        "import sys, osnet_tf.commands.command_line, osnet_tf.web; "
        "print(sorted({'keras', 'tensorflow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def start(*arguments):
    # A shell ignores Ctrl-C for what it starts in the background, and so would this. Changed here,
    # not between fork and exec: there gRPC, which a test before may have loaded, can abort
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            [sys.executable, ROOT / "train" / "web_demo.py", *arguments],
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_command_serves_until_it_is_interrupted(model_dir, node_modules):
    with start(f"--model_dir={model_dir}", f"--node_modules={node_modules}", "--port=0") as process:
        try:
            line = process.stdout.readline()
            address = line.split()[1] if line else pytest.fail(process.stderr.read())
            assert ask(address, "/")[0] == 200
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert "Traceback" not in errors


def test_the_command_without_a_model_is_two_lines(tmp_path):
    with start(f"--model_dir={tmp_path}") as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 2, errors
    first, second = errors.strip().splitlines()
    assert first == (
        f"error: There is no {tmp_path}/model.json: train/export.py writes it beside the files it "
        "describes"
    )
    assert second.endswith("web_demo.py --help")
