"""Image files on their way into a gallery: by name, once each, in shards, and on after an end."""

import os
import shutil

import numpy as np
import pytest

from osnet_tf import embed
from osnet_tf.data.file_names import person_and_camera
from osnet_tf.errors import ArgumentError
from osnet_tf.metrics import Calibration, calibration_path, nearest, write_calibrations
from osnet_tf.search import Gallery


@pytest.fixture
def folder(people, tmp_path):
    """Two cameras' pictures of each person, and a file that is none."""
    root = tmp_path / "images"
    root.mkdir()
    for sample in people.gallery:
        if sample.pid > 0:
            shutil.copy(sample.path, root)
    (root / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    return root


def test_a_folder_is_found_as_embed_and_the_measures_find_it(uri, folder, embedder, people):
    result = embed(embedder, folder, on_error="skip")
    query = people.query[0].path
    vector = embed(embedder, [query]).embeddings
    indices, distances = nearest(vector, result.embeddings, 5, metric="cosine")
    with Gallery.open(uri, embedder) as gallery:
        done = []
        added = gallery.add(folder, time=7, batch_size=5, progress=done.append)
        assert (added.added, added.already) == (len(result.paths), 0)
        assert sum(done) == len(result.paths) + 1
        [(path, reason)] = added.failed
        assert path == str(folder / "broken.jpg")
        assert "truncated or corrupt" in reason
        found = gallery.search(query, k=5)
        assert [match.path for match in found] == [result.paths[i] for i in indices[0]]
        np.testing.assert_allclose([m.distance for m in found], distances[0], atol=1e-6)
        for match in found:
            assert (match.pid, match.camid) == person_and_camera(match.path)
            assert (match.time, match.key, match.same_person) == (7, match.path, None)
        assert gallery.search(vector[0], k=5) == found
        assert gallery.add(folder) == (0, len(result.paths), added.failed)
        assert gallery.count() == len(result.paths)


def test_shards_make_one_whole(folder, embedder, tmp_path):
    uri = tmp_path / "gallery.sqlite"
    counts = []
    for number in (1, 2, 3):
        with Gallery.open(uri, embedder) as gallery:
            counts.append(gallery.add(folder, shard=f"{number}/3").added)
    assert max(counts) - min(counts) <= 1
    with Gallery.open(uri, embedder) as gallery:
        assert gallery.count() == sum(counts) == len(os.listdir(folder)) - 1
        assert gallery.add(folder).added == 0


def test_what_was_interrupted_goes_on(uri, folder, embedder):
    class Interrupted(Exception):
        pass

    done = []

    def stop(count):
        done.append(count)
        if sum(done) >= 8:
            raise Interrupted

    with Gallery.open(uri, embedder) as gallery, pytest.raises(Interrupted):
        gallery.add(folder, batch_size=4, progress=stop)
    with Gallery.open(uri, embedder) as gallery:
        before = gallery.count()
        assert 7 <= before <= 8  # one file is broken
        added = gallery.add(folder, batch_size=4)
        assert added.already == before
        assert gallery.count() == before + added.added == len(os.listdir(folder)) - 1


def test_listed_files_with_fields_of_their_own(folder, embedder, tmp_path):
    paths = sorted(str(path) for path in folder.glob("0*.jpg"))[:3]
    with Gallery.open(tmp_path / "g.sqlite", embedder) as gallery:
        gallery.add([*paths, paths[0]], camid=[5, 6, 7, 5], pid=1, time=np.arange(4.0))
        assert gallery.count("pid == 1 and camid in [5, 6, 7]") == 3
        [match] = gallery.search(np.asarray(_pixels(paths[1])), k=1)
        assert (match.key, match.camid) == (paths[1], 6)
        with pytest.raises(
            ArgumentError, match="`camid` must be one value, or one for each of the"
        ):
            gallery.add(paths, camid=[1, 2])
        with pytest.raises(ArgumentError, match="`shard` must be i/n"):
            gallery.add(paths, shard="0/3")
        with pytest.raises(ArgumentError, match="Files have their own keys"):
            gallery.add(paths, keys=["a", "b", "c"])


def _pixels(path):
    from PIL import Image

    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def test_another_model_is_refused_by_its_weights(folder, embedder, tmp_path):
    from osnet_tf import OSNet

    uri = tmp_path / "g.sqlite"
    with Gallery.open(uri, embedder) as gallery:
        gallery.add(folder)
    other = OSNet("osnet_x0_25", input_shape=(32, 16, 3), streams=1)
    other.get_layer("fc").set_weights([np.ones((128, 512)), np.ones(512)])
    with pytest.raises(ArgumentError, match="holds embeddings of another model"):
        Gallery.open(uri, other)


def test_the_threshold_is_what_was_measured(embedder, tmp_path):
    from osnet_tf.architecture import fingerprint

    model = tmp_path / "model.keras"
    embedder.save(model)
    own = fingerprint(embedder)
    rates = [(1e-4, 0.1), (1e-3, 0.2), (1e-2, 0.4)]
    measured = [Calibration("cosine", t, f, 0.5, dataset="d", fingerprint=own) for f, t in rates]
    write_calibrations(calibration_path(model), measured)
    with Gallery.open(tmp_path / "a.sqlite", model) as gallery:
        assert gallery.about.threshold == 0.2
    other = [Calibration("cosine", 0.25, 1e-3, 0.5, dataset="e", fingerprint=own)]
    write_calibrations(calibration_path(model), other)
    with Gallery.open(tmp_path / "d.sqlite", model) as gallery:
        assert gallery.about.threshold is None  # two, and nothing tells which
