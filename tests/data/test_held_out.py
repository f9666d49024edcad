import pytest

from osnet_tf.data import ReidDataset, Sample, generate_demo, hold_out, load_dataset


def test_the_split_of_the_demo_people(tmp_path):
    generate_demo(tmp_path, train_identities=6, test_identities=2, images_per_camera=3)
    whole = load_dataset("demo", tmp_path)
    split = hold_out(whole, 0.34, seed=1)
    held = {sample.pid for sample in split.query}
    assert len(held) == 2
    assert held == {sample.pid for sample in split.gallery}
    assert not held & {sample.pid for sample in split.train}
    assert sorted((*split.train, *split.query, *split.gallery)) == sorted(whole.train)
    places = [(sample.pid, sample.camid) for sample in split.query]
    assert len(set(places)) == len(places) == len({(s.pid, s.camid) for s in split.gallery})
    assert hold_out(whole, 0.34, seed=1) == split
    assert hold_out(whole, 0.34, seed=3) != split


def test_what_cannot_be_split():
    people = tuple(Sample(f"{pid}_{i}", pid, 0) for pid in (1, 2) for i in range(3))
    with pytest.raises(ValueError, match=r"`share` must be in \(0, 1\). Received: share=1.0"):
        hold_out(ReidDataset("tiny", people, (), ()), 1.0)
    with pytest.raises(ValueError, match="No held-out person was seen by two cameras"):
        hold_out(ReidDataset("tiny", people, (), ()), 0.5)
    with pytest.raises(ValueError, match=r"two at least. Received: 1 in train"):
        hold_out(ReidDataset("tiny", people[:3], (), ()), 0.5)
