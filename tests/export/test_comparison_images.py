import pytest

from osnet_tf.data import ReidDataset, Sample
from osnet_tf.data.attributes import AttributeDataset, AttributeSample
from osnet_tf.data.calibration_sample import calibration_paths
from osnet_tf.data.classes import ClassDataset, ClassSample
from osnet_tf.errors import ArgumentError
from osnet_tf.export.comparison_images import as_people, choose_images


def big_dataset():
    """200 people with 2 queries and 8 gallery images each, 900 distractors."""
    query = [Sample(f"q{p}_{i}", p, i) for p in range(1, 201) for i in range(2)]
    gallery = [Sample(f"g{p}_{i}", p, 2 + i) for p in range(1, 201) for i in range(8)]
    others = [Sample(f"d{i}", 0, 0) for i in range(900)]
    return ReidDataset("big", (), tuple(query), tuple(gallery + others))


def test_a_sample_keeps_people_whole_and_others_to_confuse_them_with():
    dataset = big_dataset()
    sample, evaluation = choose_images(dataset, "auto")
    assert evaluation == "sample"
    assert len(sample.query) + len(sample.gallery) == 1000
    pids = {s.pid for s in sample.query}
    assert len(pids) >= 40
    for part in ("query", "gallery"):
        kept = [s for s in getattr(dataset, part) if s.pid in pids]
        assert set(kept) <= set(getattr(sample, part))
    assert any(s.pid not in pids for s in sample.gallery)
    assert choose_images(dataset, "auto")[0] == sample


def test_small_sets_are_evaluated_in_full():
    dataset = big_dataset()
    assert choose_images(dataset, "full")[0] == dataset
    small = dataset._replace(gallery=dataset.gallery[:100])
    for evaluation in ("auto", "sample"):
        assert choose_images(small, evaluation) == (small, "full")
    none, evaluation = choose_images(dataset, "none")
    assert (len(none.query), none.gallery, evaluation) == (100, (), "none")
    with pytest.raises(ArgumentError, match=r"must be one of 'auto', 'full'.*evaluation='some'"):
        choose_images(dataset, "some")


@pytest.mark.parametrize("evaluation", ["full", "sample"])
def test_what_cannot_be_ranked_is_only_compared(evaluation):
    """One camera: under the camera rule nobody has a match."""
    dataset = big_dataset()
    query = tuple(s._replace(camid=2) for s in dataset.query)
    gallery = tuple(s._replace(camid=2) for s in dataset.gallery)
    alone = dataset._replace(query=query, gallery=gallery)
    chosen, found = choose_images(alone, "auto")
    assert (found, len(chosen.query), chosen.gallery) == ("none", 100, ())
    with pytest.raises(ArgumentError, match=r"big cannot be evaluated: .*evaluate=none") as caught:
        choose_images(alone, evaluation)
    assert caught.value.argument == "evaluate"
    without_cameras = alone._replace(has_cameras=False)
    assert choose_images(without_cameras, evaluation)[1] == evaluation


def test_a_dataset_without_test_images_is_refused():
    with pytest.raises(ArgumentError, match="The dataset mine has no test images to compare"):
        choose_images(ReidDataset("mine", (Sample("a", 1, 0),), (), ()))


def test_images_of_classes_and_attributes():
    train = [ClassSample(f"t{i}", i % 3) for i in range(30)]
    pets = ClassDataset("pets", ("cat", "dog", "hen"), tuple(train), (ClassSample("x", 0),) * 150)
    people = as_people(pets)
    calibration = calibration_paths(people, 6, seed=0)
    assert sorted(int(path[1:]) % 3 for path in calibration) == [0, 0, 1, 1, 2, 2]  # all classes
    chosen, evaluation = choose_images(people)
    assert (evaluation, len(chosen.query), {s.path for s in chosen.query}) == ("none", 100, {"x"})
    seen = AttributeSample("a", (1, 0))
    hats = as_people(AttributeDataset("hats", ("hat", "bag"), (seen,), (), (seen, seen)))
    assert [s.path for s in hats.query] == ["a", "a"]
    assert choose_images(hats)[1] == "none"
    assert as_people(big_dataset()) == big_dataset()
