"""Which training images an int8 export takes its ranges from: NumPy only."""

from collections import Counter, defaultdict

import numpy as np

from osnet_tf.errors import ArgumentError


def calibration_paths(dataset, count, seed):
    """Draws training images over identities and cameras.

    Every identity gives one image before any gives a second one, each time from the camera of
    which it has given the fewest, and among these from the one that has given the fewest over all:
    people and light vary as much as `count` images allow, and a camera with many images does not
    decide alone. Query and gallery are left alone: the exported model can be judged by them.

    Args:
        dataset: A `ReidDataset`.
        count: Number of images, >= 1; all of them where there are fewer.
        seed: >= 0.

    Returns:
        List of `min(count, len(dataset.train))` different paths; a smaller count with the same seed
        gives the beginning of the same list.

    Raises ValueError if `count` < 1 or the dataset has no training images.

    >>> from osnet_tf.data import ReidDataset, Sample
    >>> train = [Sample(f"{p}{c}{i}.jpg", p, c) for p in (1, 2) for c in (0, 1) for i in "ab"]
    >>> paths = calibration_paths(ReidDataset("toy", train, [], []), 4, seed=0)
    >>> sorted(path[:2] for path in paths)
    ['10', '11', '20', '21']
    """
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise ArgumentError(f"`count` must be a positive integer. Received: count={count!r}")
    if not dataset.train:
        raise ArgumentError(
            f"The dataset has no training images. Received: dataset={dataset.name!r}"
        )
    rng = np.random.default_rng(seed)
    left = defaultdict(lambda: defaultdict(list))
    for index in rng.permutation(len(dataset.train)):
        sample = dataset.train[index]
        left[sample.pid][sample.camid].append(sample.path)
    order = rng.permutation(sorted(left)).tolist()
    paths, taken = [], Counter()
    while len(paths) < min(count, len(dataset.train)):
        for pid in order:
            cameras = [camera for camera, images in left[pid].items() if images]
            if cameras and len(paths) < count:
                camera = min(cameras, key=lambda c: (taken[pid, c], taken[c]))
                taken.update([camera, (pid, camera)])
                paths.append(left[pid][camera].pop())
    return paths
