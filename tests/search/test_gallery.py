"""Galleries of either kind: what is found is what the measures' own ranking finds."""

import subprocess
import sys
import threading

import numpy as np
import pytest

from osnet_tf.errors import ArgumentError, FileError, InUseError, NotFoundError
from osnet_tf.metrics import nearest, rerank
from osnet_tf.search import Crop, Gallery
from osnet_tf.search.conditions import parse_condition
from tests.search.test_conditions import CROPS, random_condition

DIM = 8


def open_gallery(uri, fingerprint="ab12", dim=DIM, **options):
    return Gallery.open(uri, fingerprint=fingerprint, dim=dim, **options)


def people(count, seed=0):
    """Clustered embeddings and the fields of their crops; keys sort as they are numbered."""
    rng = np.random.default_rng(seed)
    centers = rng.standard_normal((max(count // 8, 1), DIM))
    pid = rng.integers(len(centers), size=count)
    embeddings = (centers[pid] + 0.3 * rng.standard_normal((count, DIM))).astype("float32")
    fields = {
        "keys": [f"{n:05d}" for n in range(count)],
        "paths": [f"people/{n}.jpg" for n in range(count)],
        "pid": pid,
        "camid": rng.integers(6, size=count),
        "time": rng.uniform(0, 100, count),
    }
    return embeddings, fields


@pytest.mark.parametrize(("metric", "normalize"), [("cosine", True), ("euclidean", False)])
def test_the_nearest_are_those_of_the_measures(uri, metric, normalize):
    embeddings, fields = people(400)
    queries = people(5, seed=1)[0]
    chosen = np.flatnonzero((fields["camid"] != 3) & (fields["time"] > 40))
    with open_gallery(uri, metric=metric, normalize=normalize, threshold=0.2) as gallery:
        assert gallery.add(embeddings, **fields) == (400, 0, ())
        for query in queries:
            for rows, where in ((np.arange(400), None), (chosen, "camid != 3 and time > 40")):
                indices, distances = nearest(query[None], embeddings[rows], 20, metric=metric)
                found = gallery.search(query, k=20, where=where)
                assert [match.key for match in found] == [f"{rows[i]:05d}" for i in indices[0]]
                got = [match.distance for match in found]
                np.testing.assert_allclose(got, distances[0], rtol=1e-5, atol=1e-6)
                assert [match.same_person for match in found] == [d <= 0.2 for d in got]
                first = rows[indices[0][0]]
                assert found[0].path == f"people/{first}.jpg"
                assert found[0].pid == fields["pid"][first]
                assert found[0].time == fields["time"][first]
                near = gallery.search(query, k=20, where=where, threshold=got[7])
                assert near == found[:8]


def test_reranking_is_that_of_the_nearest(uri):
    embeddings, fields = people(300)
    query = people(1, seed=1)[0][0]
    indices, distances = nearest(query[None], embeddings, 200, metric="cosine")
    again = rerank(query[None], embeddings[indices[0]], metric="cosine")[0]
    order = np.argsort(again, kind="stable")[:30]
    with open_gallery(uri) as gallery:
        gallery.add(embeddings, **fields)
        found = gallery.search(query, k=30, rerank=True)
        plain = gallery.search(query, k=30)
    assert [match.key for match in found] == [f"{n:05d}" for n in indices[0][order]]
    assert [match.key for match in found] != [match.key for match in plain]
    np.testing.assert_allclose([m.distance for m in found], distances[0][order], atol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_reranking_of_few(uri, count):
    with open_gallery(uri) as gallery:
        embeddings, fields = people(count)
        gallery.add(embeddings, **fields)
        assert len(gallery.search(embeddings[0], rerank=True)) == count


def test_conditions_mean_the_same_everywhere(uri):
    rng = np.random.default_rng(1)
    names = Crop._fields[2:6]
    columns = {name: [getattr(crop, name) for crop in CROPS] for name in names}
    keys, paths = ([getattr(crop, name) for crop in CROPS] for name in ("key", "path"))
    with open_gallery(uri) as gallery:
        gallery.add(np.eye(DIM)[np.arange(len(CROPS)) % DIM], keys=keys, paths=paths, **columns)
        for _ in range(60):
            text, meant = random_condition(rng)
            expected = {crop.key for crop in CROPS if meant(crop)}
            assert gallery.count(text) == len(expected), text
            found = gallery.search(np.ones(DIM), k=100, where=text)
            assert {match.key for match in found} == expected, text


def test_adding_again_does_not_double(uri):
    embeddings, fields = people(30)
    with open_gallery(uri) as gallery:
        gallery.add(embeddings, **fields)
        gallery.add(embeddings[::-1], **{**fields, "camid": 9})  # new values for the same keys
        assert gallery.count() == 30
        assert gallery.count("camid == 9") == 30
        [match] = gallery.search(embeddings[29], k=1)
        assert match.key == "00000"


def test_deleting(uri):
    embeddings, fields = people(30)
    left = int((fields["camid"] != 2).sum())
    with open_gallery(uri) as gallery:
        gallery.add(embeddings, **fields)
        assert gallery.delete("camid == 2") == 30 - left
        assert gallery.count() == left
        assert len(gallery.search(embeddings[0], k=100)) == left
        assert gallery.delete('key in ["nobody"]') == 0
        assert gallery.delete("all") == left
        assert gallery.search(embeddings[0]) == []
        gallery.add(embeddings, **fields)
        assert gallery.count() == 30


def test_it_is_there_when_it_is_opened_again(uri):
    embeddings, fields = people(30)
    with open_gallery(uri, threshold=0.5, metric="euclidean", normalize=False) as gallery:
        gallery.add(embeddings, **fields)
        before = gallery.search(embeddings[3], k=5)
    with Gallery.open(uri, fingerprint="ab12", dim=DIM) as gallery:
        assert gallery.search(embeddings[3], k=5) == before
        assert gallery.about.metric == "euclidean"
    with open_gallery(uri, threshold=0.25) as gallery:  # a new threshold stays
        assert gallery.about.threshold == 0.25
    with Gallery.open(uri) as gallery:  # without a model it can be counted only
        assert (gallery.count(), gallery.about.threshold) == (30, 0.25)
        for use in (
            lambda: gallery.search(embeddings[3]),
            lambda: gallery.add(embeddings, **fields),
        ):
            with pytest.raises(ArgumentError, match=r"open it with that model, or .* ab12"):
                use()


def test_another_model_is_refused(uri):
    embeddings, fields = people(3)
    with open_gallery(uri) as gallery:
        gallery.add(embeddings, **fields)
    with pytest.raises(ArgumentError, match=r"another model, whose fingerprint is ab12\. .* cd34"):
        open_gallery(uri, "cd34")
    for options, told in (
        ({"metric": "euclidean"}, "has metric='cosine'. Received: metric='euclidean'"),
        ({"normalize": False}, "has normalize=True. Received: normalize=False"),
        ({"dim": 5}, "has dim=8. Received: dim=5"),
    ):
        with pytest.raises(ArgumentError, match=told):
            open_gallery(uri, **options)
    with open_gallery(uri) as gallery:
        assert gallery.count() == 3


def test_bad_arguments_change_nothing(uri):
    embeddings, fields = people(3)
    with open_gallery(uri) as gallery:
        for source, changes, told in (
            (embeddings[:, :5], {}, r"shape \(n, 8\). Received: shape=\(3, 5\)"),
            (embeddings, {"keys": ["a", "b"]}, "one for each of the 3 embeddings"),
            (embeddings, {"keys": ["a", "b", "a"]}, "must differ from each other"),
            (embeddings, {"keys": ["a", "b", ""]}, "must not be empty"),
            (embeddings, {"keys": ["a", "b", "\udce9"]}, "must be text in UTF-8"),
            (embeddings, {"camid": "left"}, "`camid` of '00000' must be an integer"),
            (embeddings, {"camid": [1, 2]}, "`camid` must be one value, or one for each of the 3"),
            (embeddings, {"time": float("nan")}, "`time` of '00000' must be a finite number"),
            (embeddings * np.nan, {}, "row 0 .00000. holds NaN"),
            (["a.jpg"], {"keys": None, "paths": None}, "Images need a model"),
        ):
            with pytest.raises(ArgumentError, match=told):
                gallery.add(source, **{**fields, **changes})
        assert gallery.count() == 0
        assert gallery.add(np.empty((0, DIM)), keys=[]) == (0, 0, ())
        assert gallery.search(np.ones(DIM)) == []
        for query, options, told in (
            (np.ones(5), {}, r"shape \(8,\). Received: shape=\(5,\)"),
            (np.ones(DIM), {"k": 0}, "`k` must be an integer >= 1"),
            (np.ones(DIM), {"k": 20_000}, "`k` must be .*<= 16384"),
            (np.ones(DIM), {"threshold": -1}, "`threshold` must be >= 0"),
            (np.full(DIM, np.inf), {}, "must be finite"),
            (np.zeros((4, 4, 3), "uint8"), {}, "Images need a model"),
        ):
            with pytest.raises(ArgumentError, match=told):
                gallery.search(query, **options)


def test_places_that_are_no_galleries(tmp_path):
    pytest.importorskip("pymilvus")
    for name in ("gallery.sqlite", "gallery.db"):
        with pytest.raises(NotFoundError, match=f"There is no gallery .*{name}: name a model"):
            Gallery.open(tmp_path / name)
        assert not (tmp_path / name).exists()
        with pytest.raises(NotFoundError, match=f"There is no folder .*nowhere for {name}"):
            open_gallery(tmp_path / "nowhere" / name)
    with pytest.raises(ArgumentError, match=r"ends in \.sqlite or \.db.*Received: uri='g\.npz'"):
        open_gallery("g.npz")
    with pytest.raises(ArgumentError, match="Give a model or a fingerprint, not both"):
        Gallery.open(tmp_path / "g.sqlite", "model.keras", fingerprint="ab12")
    damaged = tmp_path / "damaged.sqlite"
    damaged.write_bytes(b"no database" * 100)
    with pytest.raises(FileError, match=r"damaged\.sqlite is no whole gallery"):
        open_gallery(damaged)
    (tmp_path / "folder.sqlite").mkdir()
    with pytest.raises(FileError, match=r"folder\.sqlite is a folder"):
        open_gallery(tmp_path / "folder.sqlite")


def test_several_may_write_one_file(tmp_path):
    """Two galleries on one file: each sees what the other has added."""
    uri = tmp_path / "gallery.sqlite"
    embeddings, fields = people(40)
    half = {name: values[:20] for name, values in fields.items()}
    rest = {name: values[20:] for name, values in fields.items()}
    with open_gallery(uri) as one, open_gallery(uri) as other:
        one.add(embeddings[:20], **half)
        assert other.search(embeddings[3], k=1)[0].key == "00003"
        other.add(embeddings[20:], **rest)
        assert one.search(embeddings[33], k=1)[0].key == "00033"
        assert one.count() == other.count() == 40


def test_a_milvus_file_is_one_process_s(tmp_path, monkeypatch):
    milvus = pytest.importorskip("pymilvus")
    from osnet_tf.search import milvus_store

    class Busy(milvus.MilvusClient):
        def __init__(self, *_, **__):
            raise milvus.MilvusException(message="Open local milvus failed")

    monkeypatch.setattr(milvus, "MilvusClient", Busy)
    with pytest.raises(InUseError, match=r"x\.db cannot be opened: another process has it open"):
        milvus_store.MilvusStore(tmp_path / "x.db", open_gallery(tmp_path / "a.sqlite").about)


def test_a_closed_gallery_is_free_for_other_processes(uri):
    """And two of one process share it until both are closed."""
    embeddings, fields = people(30)
    one, other = open_gallery(uri), open_gallery(uri)
    one.add(embeddings, **fields)
    one.close()
    assert other.count() == 30
    other.close()
    code = f"from osnet_tf.search import Gallery; print(Gallery.open({str(uri)!r}).count())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    assert done.stdout == "30\n", done.stderr


def test_threads_share_a_gallery(uri):
    embeddings, fields = people(200)
    failed = []

    def use(part):
        try:
            gallery.add(embeddings[part], **{name: v[part] for name, v in fields.items()})
            for at in range(part.start, part.stop, 10):
                assert gallery.search(embeddings[at], k=1)[0].key == f"{at:05d}"
        except Exception as error:
            failed.append(error)

    with open_gallery(uri) as gallery:
        threads = [threading.Thread(target=use, args=[slice(n, n + 50)]) for n in range(0, 200, 50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        assert gallery.count() == 200


def test_candidates_are_few_and_hold_the_nearest():
    """On float32's edge: many near duplicates, tiny and huge lengths, zeros."""
    from osnet_tf.search.candidates import near_rows

    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((3000, 64)).astype("float32")
    vectors[1000:1300] = vectors[7] * (1 + 1e-7 * rng.standard_normal((300, 64)))
    vectors[1300] = 0
    vectors[1301:1400] *= np.float32(1e-6)
    vectors[1400:1500] *= np.float32(1e3)
    squares = (vectors.astype("float64") ** 2).sum(axis=1)
    odd = np.arange(1, 3000, 2)
    few = np.arange(990, 1010)
    for query in (vectors[7], vectors[1350], vectors[1450], rng.standard_normal(64).astype("f4")):
        for metric in ("cosine", "euclidean"):
            for places in (None, odd, few):
                rows = np.arange(3000) if places is None else places
                wanted = rows[nearest(query[None], vectors[rows], 10, metric=metric)[0][0]]
                found = near_rows(query, vectors, squares, 10, metric, places)
                assert np.all(np.diff(found) > 0)
                assert set(wanted) <= set(found)
                assert len(found) <= min(len(rows), 400)


def test_parsing_is_done_before_the_store_is_asked():
    with pytest.raises(ArgumentError, match="where"):
        parse_condition("camid == os")
