from collections import Counter

import pytest

from osnet_tf.data import ReidDataset, Sample
from osnet_tf.data.calibration_sample import calibration_paths


def dataset():
    """Camera 0 sees ten times as many images as camera 1; identity 3 is seen by camera 0 only."""
    train = [Sample(f"{pid}-0-{i}.jpg", pid, 0) for pid in (1, 2, 3) for i in range(10)]
    train += [Sample(f"{pid}-1-0.jpg", pid, 1) for pid in (1, 2)]
    test = [Sample("test.jpg", 9, 0)]
    return ReidDataset("toy", train, test, test)


def counts(paths, position):
    return Counter(path.split("-")[position] for path in paths)


def test_identities_and_cameras_take_turns():
    paths = calibration_paths(dataset(), 6, seed=1)
    assert len(set(paths)) == 6
    assert counts(paths, 0) == {"1": 2, "2": 2, "3": 2}
    assert counts(paths, 1)["1"] == 2  # all that the small camera has


def test_a_smaller_count_is_the_beginning_and_the_seed_decides():
    many = calibration_paths(dataset(), 20, seed=1)
    assert calibration_paths(dataset(), 5, seed=1) == many[:5]
    assert calibration_paths(dataset(), 20, seed=2) != many


def test_all_training_images_and_never_a_test_image():
    paths = calibration_paths(dataset(), 1000, seed=0)
    assert sorted(paths) == sorted(sample.path for sample in dataset().train)


@pytest.mark.parametrize("count", [0, -1, 1.5, True])
def test_invalid_count(count):
    with pytest.raises(ValueError, match=f"`count` must be .* Received: count={count}"):
        calibration_paths(dataset(), count, seed=0)


def test_a_dataset_without_training_images():
    with pytest.raises(ValueError, match=r"no training images. Received: dataset='toy'"):
        calibration_paths(dataset()._replace(train=[]), 1, seed=0)
