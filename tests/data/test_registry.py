"""Names of datasets: those that there are, those of a user's own, and what is none."""

import pkgutil
import sys

import pytest

from osnet_tf.data import (
    ReidDataset,
    Sample,
    dataset_names,
    load_dataset,
    load_datasets,
    merge_datasets,
    register_dataset,
    registry,
)
from osnet_tf.errors import ArgumentError

PEOPLE = ReidDataset("people", (Sample("a.jpg", 1, 0), Sample("b.jpg", 2, 0)), (), ())


@pytest.fixture(autouse=True)
def _readers(monkeypatch):
    monkeypatch.setattr(registry, "READERS", dict(registry.READERS))


def test_every_reader_is_there():
    assert {"demo", "folder", "market1501", "pa100k"} <= set(dataset_names())
    for target in registry.READERS.values():
        assert callable(pkgutil.resolve_name(target))


@pytest.mark.parametrize(
    ("name", "hint"),
    [("market-1501", "market1501"), ("Market1501", "market1501"), ("demmo", "demo")],
)
def test_an_unknown_name_gets_a_hint(name, hint, tmp_path):
    with pytest.raises(ArgumentError, match=f"There is no dataset {name!r}. Did you mean {hint!r}"):
        load_dataset(name, tmp_path)


@pytest.mark.parametrize("name", ["zzz", "", None, "zzz:3", ":", "market1501:"])
def test_what_is_no_name(name, tmp_path):
    with pytest.raises(ArgumentError, match=r"There is no (dataset|reader of datasets)"):
        load_dataset(name, tmp_path)


def test_a_reader_of_ones_own_gets_what_it_asks_for(tmp_path):
    asked = []

    def read(data_dir, *, variant="", seed=0):
        asked.append((data_dir, variant, seed))
        return PEOPLE

    register_dataset("mine", read)
    assert load_dataset("mine", tmp_path) is PEOPLE
    assert load_dataset("mine:half", tmp_path, split_identities=0.2, seed=7) is PEOPLE
    assert asked == [(tmp_path, "", 0), (tmp_path, "half", 7)]
    assert "mine" in dataset_names()
    register_dataset("plain", lambda folder: PEOPLE)
    with pytest.raises(ArgumentError, match=r"'plain' has no variants. Received: 'plain:half'"):
        load_dataset("plain:half", tmp_path)
    register_dataset("nothing", lambda folder: None)
    with pytest.raises(ArgumentError, match=r"must return a dataset.* Received: NoneType"):
        load_dataset("nothing", tmp_path)


def test_a_function_in_a_file_is_a_name_too(tmp_path, monkeypatch):
    """`--dataset=package.module:function`: one new file, and nothing else."""
    (tmp_path / "my_people.py").write_text(
        "from osnet_tf.data import ReidDataset, Sample\n"
        "def read(data_dir):\n"
        "    return ReidDataset('mine', (Sample(f'{data_dir}/a.jpg', 1, 0),), (), ())\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert load_dataset("my_people:read", "here").train == (Sample("here/a.jpg", 1, 0),)
    assert [dataset.name for dataset in load_datasets("my_people:read", "x")] == ["mine"]
    for wrong in ("my_people:nobody", "no_such_package.module:read"):
        with pytest.raises(ArgumentError, match=f"There is no reader of datasets '{wrong}'"):
            load_dataset(wrong, "here")
    sys.modules.pop("my_people")


@pytest.mark.parametrize(
    ("name", "reader", "message"),
    [
        ("", len, "`name` must be made of letters"),
        ("a,b", len, "Received: name='a,b'"),
        ("a:b", len, "Received: name='a:b'"),
        ("a", "nowhere", "`reader` must be a function.* Received: reader='nowhere'"),
        ("a", 3, "Received: reader=3"),
    ],
)
def test_what_cannot_be_registered(name, reader, message):
    with pytest.raises(ArgumentError, match=message):
        register_dataset(name, reader)


def test_several_names(tmp_path):
    register_dataset("mine", lambda folder: PEOPLE)
    register_dataset("other", lambda folder: PEOPLE._replace(name="other"))
    names = [dataset.name for dataset in load_datasets("mine, other", tmp_path)]
    assert names == [dataset.name for dataset in load_datasets(["mine", "other"], tmp_path)]
    assert names == ["people", "other"]
    for wrong in ("mine,mine", "", ",", []):
        with pytest.raises(ArgumentError, match="Datasets must be named, each once"):
            load_datasets(wrong, tmp_path)


def test_merged_people_and_cameras_stay_apart():
    first = ReidDataset(
        "first",
        (Sample("a", 5, 1), Sample("b", 9, 3)),
        (Sample("q", 2, 1),),
        (Sample("g", 2, 3), Sample("d", 0, 1)),
        notes=("drawn",),
    )
    second = first._replace(name="second", has_cameras=False, notes=())
    second = second._replace(
        **{
            part: tuple(s._replace(path=f"2{s.path}") for s in getattr(second, part))
            for part in ("train", "query", "gallery")
        }
    )
    both = merge_datasets([first, second])
    assert both.name == "first+second"
    assert both.num_train_pids == 4
    pids = {s.path: s.pid for s in (*both.train, *both.query, *both.gallery)}
    assert (pids["d"], pids["2d"]) == (0, 0)  # distractors stay distractors
    assert pids["q"] == pids["g"] != pids["2q"] == pids["2g"]
    assert len({pids[path] for path in ("a", "b", "q", "2a", "2b", "2q")}) == 6
    cameras = {s.path: s.camid for s in (*both.train, *both.query, *both.gallery)}
    assert cameras["a"] == cameras["q"] != cameras["b"]
    assert {cameras[p] for p in "abqgd"}.isdisjoint({cameras[f"2{p}"] for p in "abqgd"})
    assert not both.has_cameras
    assert both.notes == ("first: drawn",)
    assert merge_datasets([first]) is first
    with pytest.raises(ArgumentError, match="At least one dataset"):
        merge_datasets([])
    assert both.names is None
    named = merge_datasets([first._replace(names={5: "ann", 9: "ben"}), second])
    assert {path: named.name_of(pid) for path, pid in pids.items() if path in "ab"} == {
        "a": "first: ann",
        "b": "first: ben",
    }
    assert named.name_of(pids["2a"]) == str(pids["2a"])


def test_the_same_people_in_other_images_are_not_merged():
    detected = PEOPLE._replace(name="cuhk03:detected", people_of="cuhk03")
    labelled = ReidDataset("cuhk03:labelled", (Sample("x.jpg", 1, 0),), (), (), people_of="cuhk03")
    message = "cuhk03:detected and cuhk03:labelled cannot .* the same people, those of cuhk03"
    with pytest.raises(ArgumentError, match=message):
        merge_datasets([detected, labelled])


def test_all_splits_of_a_dataset(tmp_path):
    def read(data_dir, *, variant=""):
        splits = [PEOPLE._replace(name=f"people:{n}", split_of="people") for n in range(3)]
        return splits if variant == "all" else splits[int(variant or 0)]

    register_dataset("people", read)
    register_dataset("none", lambda data_dir: [])
    assert [d.name for d in load_datasets("people:all", tmp_path)] == [
        f"people:{n}" for n in range(3)
    ]
    with pytest.raises(ArgumentError, match=r"'people:all' stands for 3 splits.*'people:0'"):
        load_dataset("people:all", tmp_path)
    with pytest.raises(ArgumentError, match=r"each once\. Received: people:0,people:1,people:2,pe"):
        load_datasets("people:all,people:1", tmp_path)
    with pytest.raises(ArgumentError, match="must return a dataset"):
        load_datasets("none", tmp_path)
    with pytest.raises(ArgumentError, match="people:0 and people:1 cannot be trained on together"):
        merge_datasets(load_datasets("people:all", tmp_path))
