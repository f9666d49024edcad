import random
import subprocess
import sys

import pytest

from osnet_tf.data import (
    DatasetNotFoundError,
    ReidDataset,
    Sample,
    SplitCounts,
    combine_all,
    hold_out,
    load_dataset,
    merge_datasets,
)

TRAIN = (
    Sample("a.jpg", 700, 0),
    Sample("b.jpg", 3, 1),
    Sample("c.jpg", 700, 2),
    Sample("d.jpg", 51, 0),
)
QUERY = (Sample("q.jpg", 9, 5),)
GALLERY = (Sample("g.jpg", 0, 0), Sample("h.jpg", 0, 1), Sample("i.jpg", 9, 1))
DATASET = ReidDataset("tiny", TRAIN, QUERY, GALLERY)


def test_labels_are_the_rank_of_the_pid_among_the_training_pids():
    assert DATASET.num_train_pids == 3
    assert DATASET.train_labels == {3: 0, 51: 1, 700: 2}
    assert list(DATASET.train_labels) == [3, 51, 700]


def test_labels_do_not_depend_on_the_order_of_the_samples():
    samples = [Sample(f"{pid}.jpg", pid, 0) for pid in range(1, 2000, 7)]
    expected = ReidDataset("x", tuple(samples), (), ()).train_labels
    random.Random(1).shuffle(samples)
    labels = ReidDataset("x", tuple(samples), (), ()).train_labels
    assert labels == expected
    assert list(labels.values()) == list(range(len(samples)))


def test_no_people_no_labels():
    empty = ReidDataset("empty", (), (), ())
    assert empty.num_train_pids == 0
    assert empty.train_labels == {}
    assert empty.counts["train"] == SplitCounts(0, 0, 0)


def test_counts_and_summary():
    assert DATASET.counts == {"train": (4, 3, 3), "query": (1, 1, 1), "gallery": (3, 2, 2)}
    assert DATASET.summary().splitlines() == [
        "tiny     images  identities  cameras",
        "train         4           3        3",
        "query         1           1        1",
        "gallery       3           2        2",
        "(gallery: 2 images are distractors, counted as one identity)",
    ]
    assert "distractors" not in ReidDataset("tiny", TRAIN, QUERY, QUERY).summary()
    header, *rows = ReidDataset("a_long_dataset_name", TRAIN, QUERY, QUERY).summary().splitlines()
    assert {len(row) for row in rows} == {len(header)}


def test_missing_market_is_a_file_not_found_error(tmp_path):
    with pytest.raises(DatasetNotFoundError) as error:
        load_dataset("market1501", tmp_path)
    assert isinstance(error.value, FileNotFoundError)


def test_import_is_light():
    code = (
        "import sys, osnet_tf.data\n"
        "heavy = {'tensorflow', 'keras', 'jax', 'torch', 'absl', 'matplotlib'} & set(sys.modules)\n"
        "raise SystemExit(f'imported {heavy}' if heavy else 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_images_kept_from_train_go_where_their_people_go():
    def images(pid, *names):
        return tuple(Sample(name, pid, n % 2) for n, name in enumerate(names))

    train = tuple(s for pid in (1, 2) for s in images(pid, *(f"{pid}{n}" for n in range(4))))
    val = (*images(1, "1v"), *images(2, "2v"))
    dataset = ReidDataset("tiny", train, images(3, "3q"), images(3, "3g", "3h"), val=val)
    combined = combine_all(dataset)
    assert [s.path for s in combined.train] == sorted(
        [s.path for s in (*train, *val)] + ["3q", "3g", "3h"]
    )
    assert combined.val == ()
    held = hold_out(dataset, 0.5)
    assert {s.pid for s in held.val} == {s.pid for s in held.train}
    merged = merge_datasets([dataset, dataset._replace(train=())])
    assert [s.path for s in merged.val] == ["1v", "1v", "2v", "2v"]
    assert len({s.pid for s in merged.val}) == 4
