"""The web demo's gallery, asked over HTTP: matches, what is added, who may ask."""

import http.client
import io
import json
from base64 import b64encode
from contextlib import contextmanager
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

from osnet_tf.errors import ArgumentError
from osnet_tf.search import Gallery
from osnet_tf.web import handler, web_demo
from tests.web.test_server import (  # noqa: F401
    ask,
    assert_guarded,
    model_dir,
    node_modules,
    start,
    write_model_json,
)

FINGERPRINT = "0" * 64
TOKEN = "a-token-of-many-letters"


@pytest.fixture
def gallery(tmp_path):
    """Two crops by camera 0 and one by camera 1; those of the second have a picture, one a text."""
    vectors = np.zeros((3, 512))
    vectors[[0, 1, 2], [0, 0, 1]] = 1
    vectors[1, 2] = 0.5
    paths = [str(tmp_path / name) for name in ("gone.png", "there.png", "secret.txt")]
    (tmp_path / "there.png").write_bytes(png())
    (tmp_path / "secret.txt").write_text("secret")
    with Gallery.open(tmp_path / "g.sqlite", fingerprint=FINGERPRINT, threshold=0.05) as gallery:
        gallery.add(vectors, keys=["a", "b", "c"], paths=paths, pid=[4, -1, 7], camid=[0, 1, 0])
        yield gallery


def png():
    file = io.BytesIO()
    Image.new("RGB", (2, 3), "red").save(file, "PNG")
    return file.getvalue()


def query(**changes):
    return {"embedding": [1.0] + [0.0] * 511, **changes}


@pytest.fixture
def served(model_dir, node_modules, gallery, tmp_path):  # noqa: F811
    options = {"node_modules": node_modules, "gallery": gallery, "crops": tmp_path / "crops"}

    @contextmanager
    def serve(**more):
        with web_demo(model_dir, **options, **more) as address:
            yield address

    return serve


def post(address, path, question, **headers):
    """Status and what JSON the body is."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=10)
    try:
        body = question if isinstance(question, bytes) else json.dumps(question).encode()
        headers = {"Content-Type": "application/json", **headers}
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        assert_guarded(response.headers)
        content = response.read()
        is_json = response.headers["Content-Type"] == "application/json"
        return response.status, json.loads(content) if is_json else content
    finally:
        connection.close()


def test_the_nearest_come_first(served):
    with served() as address:
        assert json.loads(ask(address, "/gallery/about")[2]) == {
            "count": 3,
            "metric": "cosine",
            "threshold": 0.05,
        }
        status, found = post(address, "/gallery/search", query())
        assert status == 200
        rows = found["matches"]
        assert [(row["key"], row["pid"], row["camid"]) for row in rows] == [
            ("a", 4, 0),
            ("b", -1, 1),
            ("c", 7, 0),
        ]
        distances = [0, 1 - 1 / np.sqrt(1.25), 1]
        np.testing.assert_allclose([row["distance"] for row in rows], distances, atol=1e-6)
        assert [row["same_person"] for row in rows] == [True, False, False]
        for cameras, camid, keys in (("only", 0, "ac"), ("not", 0, "b"), ("only", 9, "")):
            _, found = post(address, "/gallery/search", query(cameras=cameras, camid=camid, k=2))
            assert "".join(row["key"] for row in found["matches"]) == keys


def test_pictures_are_those_of_matches_only(served):
    with served() as address:
        guess = "/gallery/pictures/" + "0" * 64
        assert ask(address, guess)[0] == 404
        rows = post(address, "/gallery/search", query())[1]["matches"]
        gone, there, text = (f"/gallery/pictures/{row['picture']}" for row in rows)
        status, headers, body = ask(address, there)
        assert (status, headers["Content-Type"], body) == (200, "image/png", png())
        assert_guarded(headers)
        assert ask(address, there, "HEAD")[2] == b""
        for path in (gone, text, "/gallery/pictures/../secret.txt", "/gallery/pictures/"):
            assert ask(address, path)[0] == 404


def test_a_crop_is_kept_once(served, gallery, tmp_path):
    with served() as address:
        crop = {**query(camid=3), "picture": b64encode(png()).decode()}
        for _ in range(2):
            assert post(address, "/gallery/add", crop) == (
                200,
                {"count": 4, "metric": "cosine", "threshold": 0.05},
            )
        nearest = post(address, "/gallery/search", query(cameras="only", camid=3))[1]["matches"]
        assert [row["distance"] for row in nearest] == pytest.approx([0], abs=1e-6)
        picture = ask(address, f"/gallery/pictures/{nearest[0]['picture']}")
        assert picture[2] == png()
    (kept,) = (tmp_path / "crops").iterdir()
    assert kept.read_bytes() == png()
    assert gallery.count("camid == 3") == 1


@pytest.mark.parametrize(
    ("path", "question", "problem"),
    [
        ("search", query(embedding=[1.0]), "embedding of shape (512,)"),
        ("search", query(embedding="abc"), "list of finite numbers"),
        ("search", query(embedding=[[1.0]]), "list of finite numbers"),
        ("search", query(embedding=[float("nan")] * 512), "list of finite numbers"),
        ("search", {}, "list of finite numbers"),
        ("search", query(k=0), "`k` must be an integer >= 1"),
        ("search", query(k=1001), "`k` must be <= 1000"),
        ("search", query(cameras="some"), "`cameras` must be one of"),
        ("search", query(cameras="only", camid="0 or 1 == 1"), "`camid` must be an integer"),
        ("search", query(cameras="only", camid=None), "`camid` must be an integer"),
        ("search", [], "A question is an object"),
        ("search", b"{", "Expecting"),
        ("search", b"\xff", "decode"),
        ("search", b"[" * 100_000, "recursion"),
        ("add", query(), "A picture must be one of JPEG"),
        ("add", query(picture="<html>"), "must be a file in Base64"),
        ("add", query(picture=7), "must be a file in Base64"),
        ("add", query(picture=b64encode(b"<svg>").decode()), "Received: None"),
        ("add", query(picture=b64encode(png()).decode(), embedding=[1.0]), "512 values"),
    ],
)
def test_what_is_no_question_is_told(served, gallery, path, question, problem):
    with served() as address:
        status, answer = post(address, f"/gallery/{path}", question)
    assert status == 400
    assert problem in answer["error"]
    assert gallery.count() == 3


def test_only_the_page_may_ask(served, monkeypatch):
    with served() as address:
        for headers, status in (
            ({"Origin": "http://attacker.example"}, 403),
            ({"Host": "attacker.example"}, 403),
            ({"Content-Type": "text/plain"}, 415),
            ({"Content-Length": "x"}, 411),
            ({"Content-Length": "-1"}, 411),
            ({"Content-Length": str(handler.LARGEST + 1)}, 413),
            ({"Content-Length": "9" * 5000}, 413),
            ({"Origin": address.rstrip("/")}, 200),
        ):
            assert post(address, "/gallery/search", query(), **headers)[0] == status, headers
        assert post(address, "/gallery/delete", query())[0] == 404
        assert ask(address, "/gallery/search")[0] == 404


def test_without_a_gallery_there_is_none(model_dir, node_modules):  # noqa: F811
    with web_demo(model_dir, node_modules=node_modules) as address:
        assert ask(address, "/gallery/about")[0] == 404
        assert post(address, "/gallery/search", query())[0] == 501


def test_every_request_needs_the_token(served):
    with served(host="0.0.0.0", token=TOKEN) as address:
        assert address.endswith(f"/?token={TOKEN}")
        place = address.replace("0.0.0.0", "127.0.0.1")
        paths = ("/", "/app.js", "/model/model.json", "/gallery/about", "/gallery/pictures/x")
        wrong = [{}, {"Cookie": f"token={TOKEN}x"}, {"Cookie": "token="}, {"Cookie": TOKEN}]
        wrong += [{"Authorization": "Bearer "}, {"Authorization": f"Bearer {TOKEN[:-1]}"}]
        for headers in wrong:
            for path in (*paths, "/?token=", f"/?token={TOKEN}x", "/?token=%C3%A9"):
                status, found, _ = ask(place, path, **headers)
                assert status == 401, (path, headers)
                assert_guarded(found)
            for path in ("/gallery/search", "/gallery/add", f"/gallery/search?token={TOKEN}"):
                assert post(place, path, query(), **headers)[0] == 401, (path, headers)
        status, headers, _ = ask(place, f"/?token={TOKEN}")
        assert (status, headers["Location"]) == (303, "/")
        cookie = headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        for right in (
            {"Cookie": f"x=1; {cookie.split(';')[0]}"},
            {"Authorization": f"Bearer {TOKEN}"},
        ):
            assert [ask(place, path, **right)[0] for path in paths] == [200, 200, 200, 200, 404]
            assert post(place, "/gallery/search", query(), **right)[0] == 200
            assert ask(place, "/", Host="demo.example", **right)[0] == 200


def test_what_does_not_go_together(model_dir, node_modules, gallery, tmp_path):  # noqa: F811
    options = {"node_modules": node_modules, "gallery": gallery, "crops": tmp_path}
    for change, problem in (
        ({"host": "0.0.0.0"}, "only with a token. Received: host='0.0.0.0'"),
        ({"host": "::1"}, "only with a token"),
        ({"token": "short"}, "16 to 200 letters"),
        ({"token": "with; HttpOnly=no and more"}, "16 to 200 letters"),
        ({"crops": None}, "needs a folder"),
    ):
        with pytest.raises(ArgumentError) as caught, web_demo(model_dir, **{**options, **change}):
            pass
        assert problem in str(caught.value)
    write_model_json(model_dir, fingerprint="1" * 64)
    with (
        pytest.raises(ArgumentError, match="another model than"),
        web_demo(model_dir, **options),
    ):
        pass


def test_the_command_begins_a_gallery(model_dir, node_modules, tmp_path):  # noqa: F811
    arguments = [f"--model_dir={model_dir}", f"--node_modules={node_modules}", "--port=0"]
    arguments += [f"--gallery={tmp_path / 'new.sqlite'}", "--host=0.0.0.0"]
    with start(*arguments) as process:
        try:
            line = process.stdout.readline()
            address = line.split()[1] if line else pytest.fail(process.stderr.read())
            token = address.partition("?token=")[2]
            assert len(token) >= 16
            place = address.replace("0.0.0.0", "127.0.0.1")
            assert ask(place, "/gallery/about")[0] == 401
            right = {"Authorization": f"Bearer {token}"}
            assert json.loads(ask(place, "/gallery/about", **right)[2])["count"] == 0
            crop = {**query(), "picture": b64encode(png()).decode()}
            assert post(place, "/gallery/add", crop, **right)[1]["count"] == 1
        finally:
            process.kill()
            process.communicate()
    assert len(list((tmp_path / "new_crops").iterdir())) == 1
    with Gallery.open(tmp_path / "new.sqlite", fingerprint=FINGERPRINT) as gallery:
        assert gallery.count() == 1
