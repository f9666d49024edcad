"""The web demo's page in a real browser: Chromium, with the system's own executable."""

import contextlib
import hashlib
import importlib.util
import json
import shutil
import struct
import zlib
from base64 import b64encode
from pathlib import Path
from urllib.parse import urlsplit

import keras
import numpy as np
import pytest
from PIL import Image

from osnet_tf.data.demo import generate_demo
from osnet_tf.export import Artefact, export_litert, freeze, read_manifest, run_litert
from osnet_tf.export.exported import Exported, stored_files
from osnet_tf.export.inference_rate import as_if_trained
from osnet_tf.export.manifest import manifest
from osnet_tf.files import write_json
from osnet_tf.metrics import Calibration, pairwise_distances
from osnet_tf.models import OSNet
from osnet_tf.preprocessing import resize
from osnet_tf.search import Gallery
from osnet_tf.web import web_demo
from osnet_tf.web.server import FOLDER, NPM_FILES

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
MISSING = [
    what
    for what, there in [
        (
            "playwright (pip install -r requirements-test.txt)",
            importlib.util.find_spec("playwright"),
        ),
        ("chromium (apt-get install chromium)", CHROMIUM),
        (
            f"LiteRT.js (npm ci --prefix {FOLDER})",
            (FOLDER / "node_modules" / NPM_FILES[0]).exists(),
        ),
    ]
    if not there
]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}")

SIZE = (64, 32)
#: Crops that shrink, grow, stay, do both, and shrink a lot.
CROP_SIZES = [(96, 40), (50, 30), SIZE, (40, 60), (301, 149)]


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    """PNG files of demo people."""
    folder = tmp_path_factory.mktemp("crops")
    demo = generate_demo(folder, train_identities=1, test_identities=2, images_per_camera=2)
    paths = []
    for (height, width), sample in zip(CROP_SIZES, demo.query[: len(CROP_SIZES)], strict=True):
        with Image.open(sample.path) as image:
            paths.append(folder / f"{Path(sample.path).stem}.png")
            image.resize((width, height)).save(paths[-1])
    return paths


@pytest.fixture(scope="module")
def pixels(crops):
    return np.stack([resize(np.asarray(Image.open(path)), SIZE) for path in crops])


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory, pixels):
    """An exported folder, fp32 and int8; its thresholds are about the first pair's distances."""
    keras.utils.set_random_seed(1)
    embedder = as_if_trained(OSNet("osnet_x0_25", input_shape=(*SIZE, 3)), seed=1)
    rng = np.random.default_rng(1)
    for variable in embedder.variables:
        if variable.name == "bias":  # no unit of a gate is dead
            variable.assign(rng.uniform(0.5, 1.0, variable.shape))
    folder = tmp_path_factory.mktemp("saved_models") / "mine"
    folder.mkdir()
    files = []
    for precision in ("fp32", "int8"):
        images = pixels if precision == "int8" else None
        path = folder / f"model_{precision}.tflite"
        export_litert(embedder, path, precision=precision, calibration_images=images)
        artefact = Artefact(path.name, "litert", precision, batch_size=1)
        files.append(Exported(artefact, stored_files(path)).entry())
    vectors = run_litert(folder / "model_fp32.tflite", pixels)
    thresholds = []
    for metric in ("cosine", "euclidean", "sqeuclidean"):
        distance = pairwise_distances(vectors[:1], vectors[1:2], metric=metric)[0, 0].item()
        for factor, fpr in ((1.001, 0.01), (0.999, 0.001)):
            thresholds.append(Calibration(metric, factor * distance, fpr, 0.8, dataset="demo"))
    record = manifest(freeze(embedder), "mine", files, thresholds=thresholds)
    write_json(folder / "model.json", record)
    return folder


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextlib.contextmanager
def opened(browser, model_dir, **options):
    """The page, its model loaded. Page.seen lists (method, address) of all requests."""
    with web_demo(model_dir, **options) as address:
        page = browser.new_page()
        page.seen, page.failures = [], []
        page.on("request", lambda request: page.seen.append((request.method, request.url)))
        page.on("pageerror", lambda error: page.failures.append(str(error)))
        page.goto(address)
        page.wait_for_selector("#input:enabled", timeout=60_000)
        page.address = address
        yield page
        assert page.failures == []
        page.close()


@pytest.fixture
def page(browser, model_dir):
    with opened(browser, model_dir) as page:
        yield page


def choose(page, paths, expected=None):
    page.set_input_files("#input", [str(path) for path in paths])
    page.wait_for_selector("main[aria-busy=false]")
    assert page.locator("#crops li").count() == (len(paths) if expected is None else expected)


def saved(page):
    """What the button "Save embeddings" writes."""
    with page.expect_download() as download:
        page.click("#save")
    return json.loads(Path(download.value.path()).read_text())


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_embeddings_are_pythons(page, crops, pixels, model_dir, precision):
    file = model_dir / f"model_{precision}.tflite"
    expected = run_litert(file, pixels)
    choose(page, crops)  # then the model is changed, and all of them are embedded again
    page.select_option("#model", str(["fp32", "int8"].index(precision)))
    page.wait_for_selector("main[aria-busy=false]")
    result = saved(page)
    assert result["file"] == file.name
    assert [image["name"] for image in result["images"]] == [path.name for path in crops]
    actual = np.array([image["embedding"] for image in result["images"]])
    assert np.linalg.norm(expected, axis=1).min() > 0
    if precision == "int8":
        np.testing.assert_array_equal(actual, expected)
    else:
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_the_verdict_follows_the_threshold(page, crops):
    """Two thresholds of the cosine distance: just above the pair's, just below it."""
    choose(page, crops[:2])
    assert page.locator("#threshold option").all_inner_texts() == [
        "1 % false, 80 % found (demo)",
        "0.1 % false, 80 % found (demo)",
    ]
    for number, same in (("0", True), ("1", False), ("0", True)):
        page.select_option("#threshold", number)
        assert page.inner_text("#verdict") == ("Same person" if same else "Different people")
        assert page.locator("td.same").count() == (2 if same else 0)
        assert page.inner_text("#reason").startswith("Similarity")
    page.click("#clear")
    page.wait_for_selector("#matrix", state="hidden")
    assert "Two crops or more" in page.inner_text("#verdict")


def test_thresholds_of_other_metrics(browser, model_dir, crops, tmp_path):
    record = read_manifest(model_dir)
    others = [one for one in record["thresholds"] if one["metric"] != "cosine"]
    assert len(others) == 4
    with opened(browser, copied(model_dir, tmp_path, thresholds=others)) as page:
        choose(page, crops[:2])
        for number, threshold in enumerate(others):
            page.select_option("#threshold", str(number))
            verdict = "Different people" if number % 2 else "Same person"
            assert page.inner_text("#verdict") == verdict, threshold
            assert page.inner_text("#reason").startswith(f"Distance ({threshold['metric']})")


def copied(model_dir, tmp_path, **changes):
    """The folder with another model.json."""
    folder = shutil.copytree(model_dir, tmp_path / "mine")
    write_json(folder / "model.json", {**read_manifest(folder), **changes})
    return folder


def test_a_matrix_of_more_crops(page, crops, pixels, model_dir):
    vectors = run_litert(model_dir / "model_fp32.tflite", pixels)
    distances = pairwise_distances(vectors, vectors, metric="cosine")
    calibration = Calibration(**read_manifest(model_dir)["thresholds"][0])
    same = calibration.same_person(distances)
    choose(page, crops)
    shown = page.eval_on_selector_all(
        "#matrix td[style]", "cells => cells.map(c => [+c.textContent, c.className])"
    )
    others = ~np.eye(len(crops), dtype=bool)
    np.testing.assert_allclose([s for s, _ in shown], 1 - distances[others], atol=6e-4)
    assert [name == "same" for _, name in shown] == same[others].tolist()
    assert page.inner_text("#verdict") == f"{same[others].sum() // 2} of 10 pairs match"
    page.click("#crops li:first-child button")
    page.wait_for_selector("#crops li:nth-child(5)", state="detached")
    assert page.locator("#matrix td[style]").count() == 12


def test_nothing_leaves_the_machine(page, crops):
    """Files dropped, as a person drops them; then an attempt to send something."""
    page.evaluate(
        """async (files) => {
            const data = new DataTransfer();
            for (const [name, text] of files) {
                const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
                data.items.add(new File([bytes], name));
            }
            document.querySelector('.drop').dispatchEvent(
                new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true}));
        }""",
        [[path.name, base64(path.read_bytes())] for path in crops[:2]],
    )
    page.wait_for_selector("#matrix td.same")
    saved(page)
    assert len(page.seen) > 8
    for method, url in page.seen:
        assert method == "GET", (method, url)
        assert url.startswith((page.address, f"blob:{page.address}", "data:,")), url
    blocked = page.evaluate("fetch('http://127.0.0.1:9/').catch((error) => error.name)")
    assert blocked == "TypeError"
    upload = f"fetch('{page.address}', {{method: 'POST', body: 'x'}}).then((r) => r.status)"
    assert page.evaluate(upload) == 501


@pytest.fixture
def gallery(tmp_path, crops, pixels, model_dir):
    """Holds the third crop, as by camera 5."""
    about = read_manifest(model_dir)
    vectors = run_litert(model_dir / "model_fp32.tflite", pixels)
    file = tmp_path / "gallery.sqlite"
    with Gallery.open(file, fingerprint=about["fingerprint"], dim=512) as gallery:
        gallery.add(vectors[2:3], keys=["third"], paths=[str(crops[2])], camid=5, pid=11)
        yield gallery


def found(page):
    """(distance, camera, person, verdict) of each match."""
    page.wait_for_selector("main[aria-busy=false]")
    rows = page.locator("#matches li").all()
    return [
        (float(row.locator("b").get_attribute("title")), *row.locator("span, em").all_inner_texts())
        for row in rows
    ]


def test_a_person_is_found_in_the_gallery(browser, model_dir, crops, pixels, gallery, tmp_path):
    """With a token, which the browser keeps as a cookie."""
    vectors = run_litert(model_dir / "model_fp32.tflite", pixels)
    distances = pairwise_distances(vectors, vectors, metric="cosine")
    options = {"gallery": gallery, "crops": tmp_path / "kept", "token": "0123456789abcdef"}
    with opened(browser, model_dir, **options) as page:
        assert page.inner_text("#count") == "Gallery: 1 crop"
        choose(page, crops[:1])
        ((distance, *rest),) = found(page)
        assert distance == pytest.approx(distances[0, 2], abs=1e-5)
        assert distances[0, 2] > 1e-4
        same = distances[0, 2] <= read_manifest(model_dir)["thresholds"][0]["threshold"]
        verdict = "Same person" if same else "Different people"
        assert rest == ["camera 5", "person 11", verdict]
        assert page.evaluate("document.querySelector('#matches img').naturalWidth") > 0

        page.fill("#added", "7")
        page.click("#crops li .keep")
        page.wait_for_selector("#count:text-is('Gallery: 2 crops')")
        assert page.locator("#matches b").first.inner_text() == "0.000"
        assert found(page)[0][1:] == ("camera 7", "unnamed", "Same person")
        assert gallery.count("camid == 7") == 1

        choose(page, crops[1:2], expected=2)
        for number, word in (("0", "Same person"), ("1", "Different people")):
            page.select_option("#threshold", number)
            (nearest,) = (row for row in found(page) if row[1] == "camera 7")
            assert nearest[0] == pytest.approx(distances[1, 0], abs=1e-5)
            assert nearest[3] == word
        page.select_option("#cameras", "only")
        page.fill("#camid", "7")
        page.press("#camid", "Tab")
        assert [row[1] for row in found(page)] == ["camera 7"]
        page.select_option("#cameras", "not")
        assert [row[1] for row in found(page)] == ["camera 5"]
        page.click("#clear")
        page.wait_for_selector("#matches li", state="detached")
        assert "Drop a crop" in page.inner_text("#looked")
        assert page.locator("#errors li").count() == 0
        posts = {urlsplit(url).path for method, url in page.seen if method == "POST"}
        assert posts == {"/gallery/search", "/gallery/add"}
        place = urlsplit(page.address).netloc
        assert {urlsplit(u).netloc for _, u in page.seen if u.startswith("http")} == {place}
    assert (tmp_path / "kept").joinpath(kept_name(crops[0])).read_bytes() == crops[0].read_bytes()


def kept_name(path):
    return f"{hashlib.sha256(path.read_bytes()).hexdigest()}.png"


def test_a_file_that_is_no_image_is_named(page, crops, tmp_path):
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / "cut.png").write_bytes(crops[0].read_bytes()[:60])
    choose(page, [tmp_path / "notes.txt", crops[0], tmp_path / "cut.png", crops[1]], expected=2)
    page.wait_for_selector("#errors li:nth-child(2)")
    assert page.locator("#errors li").all_inner_texts() == [
        "notes.txt is not an image that this browser can read",
        "cut.png is not an image that this browser can read",
    ]
    assert page.inner_text("#verdict") == "Same person"


def test_without_a_threshold_there_is_no_verdict(browser, model_dir, crops, tmp_path):
    with opened(browser, copied(model_dir, tmp_path, thresholds=[])) as page:
        choose(page, crops[:2])
        assert page.inner_text("#verdict") == "No verdict"
        assert "model.json holds no threshold" in page.inner_text("#reason")
        assert page.locator("td.same, td.different").count() == 0
        assert page.locator("#matrix td[style]").count() == 2
        assert not page.is_visible("#threshold")


def test_pixels_are_pillows(page, tmp_path):
    """Grey, a palette, opaque alpha, a gamma for colour management; then what is transparent."""
    rgb = np.random.default_rng(0).integers(0, 256, (9, 7, 3), "uint8")
    image = Image.fromarray(rgb)
    for name, picture in {
        "rgb": image,
        "grey": image.convert("L"),
        "palette": image.quantize(16),
        "opaque": image.convert("RGBA"),
    }.items():
        path = tmp_path / f"{name}.png"
        picture.save(path)
        if name == "rgb":
            path.write_bytes(with_gamma(path.read_bytes()))
        assert decoded(page, path) == [np.asarray(picture.convert("RGB")).ravel().tolist(), False]
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    image.save(tmp_path / "alpha.png")
    assert decoded(page, tmp_path / "alpha.png")[1] is True


def test_the_resize_is_pythons_to_the_bit(page):
    rng = np.random.default_rng(0)
    cases = [rng.integers(1, 120, (2, 2)).tolist() for _ in range(16)]
    cases += [[[130, 57], [256, 128]], [[301, 149], [256, 128]], [[256, 128], [256, 128]]]
    images = [rng.integers(0, 256, (*old, 3), "uint8") for old, _ in cases]
    actual = page.evaluate(
        """async (cases) => {
            const {resize} = await import('/resize.js');
            return cases.map(([pixels, [height, width], size]) => {
                const data = Uint8Array.from(atob(pixels), (c) => c.charCodeAt(0));
                return resize({data, height, width}, ...size).join();
            });
        }""",
        [[base64(image.tobytes()), *case] for image, case in zip(images, cases, strict=True)],
    )
    for image, (old, new), values in zip(images, cases, actual, strict=True):
        expected = resize(image, new).numpy()
        values = np.array(values.split(","), int).reshape(expected.shape)
        np.testing.assert_array_equal(values, expected, f"{old} to {new}")


def decoded(page, path):
    return page.evaluate(
        """async (text) => {
            const {decode} = await import('/embedder.js');
            const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
            const image = await decode(new Blob([bytes]));
            return [[...image.data], image.translucent];
        }""",
        base64(path.read_bytes()),
    )


def base64(content):
    return b64encode(content).decode()


def with_gamma(png):
    """The PNG with a gAMA chunk of 1.0 after its header, which asks viewers to lighten it."""
    body = b"gAMA" + struct.pack(">I", 100_000)
    chunk = struct.pack(">I", 4) + body + struct.pack(">I", zlib.crc32(body))
    return png[:33] + chunk + png[33:]
