"""Every kind of gallery, each a new one; a small embedder; demo people."""

import os
import uuid

import numpy as np
import pytest
from PIL import Image

#: The address of a Milvus server to test with: `make milvus` starts one.
SERVER = os.environ.get("OSNET_TF_TEST_MILVUS")


@pytest.fixture(params=["gallery.sqlite", "gallery.db", "server"])
def uri(request, tmp_path):
    """Where a new gallery may begin."""
    if request.param == "gallery.sqlite":
        yield tmp_path / request.param
        return
    milvus = pytest.importorskip("pymilvus")
    if request.param == "gallery.db":
        pytest.importorskip("milvus_lite")
        yield tmp_path / request.param
        return
    if not SERVER:
        pytest.skip("needs a Milvus server: make milvus")
    server = milvus.MilvusClient(SERVER)
    database = f"test_{uuid.uuid4().hex}"
    server.create_database(database)
    yield f"{SERVER}/{database}"
    inside = milvus.MilvusClient(f"{SERVER}/{database}")
    for name in inside.list_collections():
        inside.drop_collection(name)
    inside.close()
    server.drop_database(database)
    server.close()


@pytest.fixture(scope="session")
def embedder():
    """Of random weights: what looks alike is near, and the same picture is at 0."""
    from osnet_tf import OSNet

    return OSNet("osnet_x0_25", input_shape=(32, 16, 3), streams=1)


@pytest.fixture(scope="session")
def people(tmp_path_factory):
    """The demo people, as a dataset of 32x16 pictures."""
    from osnet_tf.data import generate_demo

    folder = tmp_path_factory.mktemp("people")
    return generate_demo(folder, train_identities=1, test_identities=4, size=(32, 16))


@pytest.fixture(scope="session")
def clip(people):
    """Frames 48x64 in which two people walk towards each other, and their boxes.

    Returns `(frames, boxes)`: uint8 `(5, 48, 64, 3)`; a list of (frame, pid, left, top).
    """
    first, other = (next(s for s in people.query if s.pid == pid) for pid in _two(people))
    frames = np.full((5, 48, 64, 3), 90, "uint8")
    boxes = []
    for number, frame in enumerate(frames):
        for sample, left, top in ((first, 2 + 5 * number, 10), (other, 46 - 5 * number, 12)):
            if number == 2 and sample is other:
                continue  # hidden behind the first
            with Image.open(sample.path) as image:
                frame[top : top + 32, left : left + 16] = np.asarray(image.convert("RGB"))
            boxes.append((number, sample.pid, left, top))
    return frames, boxes


def _two(people):
    return sorted({sample.pid for sample in people.query})[:2]
