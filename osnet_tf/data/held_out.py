"""A part of the training people or images to choose settings by, so that the test stays unseen."""

import numpy as np

from osnet_tf.data.dataset import ReidDataset
from osnet_tf.data.splitting import choose_people, query_and_gallery
from osnet_tf.errors import ArgumentError


def hold_out(dataset: ReidDataset, share: float, seed: int = 0) -> ReidDataset:
    """Takes some people out of `train` and makes query and gallery of their images.

    The dataset's own query and gallery are dropped. Which of a person's images are queries is as in
    `osnet_tf.data.splitting.query_and_gallery`.

    Args:
        dataset: The dataset.
        share: In (0, 1), the share of the training people to hold out; at least one is held out
            and one is kept.
        seed: int >= 0, decides which.

    Raises ArgumentError for a share out of range, fewer than two people in `train`, or people of
    whom no camera but one has an image, so that no query has a match.

    >>> from osnet_tf.data import Sample
    >>> people = [Sample(f"{p}_{c}_{i}", p, c) for p in (1, 2) for c in (0, 1) for i in (0, 1)]
    >>> split = hold_out(ReidDataset("tiny", tuple(people), (), ()), 0.5)
    >>> len(split.train), [s.path for s in split.query], [s.path for s in split.gallery]
    (4, ['2_0_0', '2_1_0'], ['2_0_1', '2_1_1'])
    """
    if not 0.0 < share < 1.0:
        raise ArgumentError(f"`share` must be in (0, 1). Received: share={share}")
    pids = sorted(dataset.train_labels)
    if len(pids) < 2:
        raise ArgumentError(
            f"Holding people out takes two at least. Received: {len(pids)} in train"
        )
    held = choose_people(pids, share, seed)
    query, gallery = query_and_gallery(
        [sample for sample in dataset.train if sample.pid in held], dataset.has_cameras
    )
    if not _is_there_a_match(query, gallery, dataset.has_cameras):
        seen = "seen by two cameras" if dataset.has_cameras else "seen twice"
        raise ArgumentError(
            f"No held-out person was {seen}. Received: {dataset.name} with share={share}"
        )
    return dataset._replace(
        train=tuple(s for s in dataset.train if s.pid not in held),
        val=tuple(s for s in dataset.val if s.pid not in held),
        query=query,
        gallery=gallery,
    )


def _is_there_a_match(query, gallery, has_cameras):
    cameras = {}
    for sample in gallery:
        cameras.setdefault(sample.pid, set()).add(sample.camid)
    return any(
        cameras.get(sample.pid, set()) - ({sample.camid} if has_cameras else set())
        for sample in query
    )


def hold_out_images(dataset, share: float, seed: int = 0):
    """Takes some training images out of a dataset of classes or attributes, and tests on them.

    The dataset's own test images are dropped.

    Args:
        dataset: a `ClassDataset`, of each class of which a share is taken, or an
            `AttributeDataset`.
        share: in (0, 1); of each class at least one image stays, and one in all is taken.
        seed: int >= 0, decides which.

    Returns:
        A dataset of the same kind.

    Raises ArgumentError for a share out of range, or where there is no image to take.

    >>> from osnet_tf.data.classes import ClassDataset, ClassSample
    >>> images = tuple(ClassSample(f"{number}.png", number % 2) for number in range(8))
    >>> split = hold_out_images(ClassDataset("tiny", ("a", "b"), images, ()), 0.5)
    >>> sorted(sample.label for sample in split.test), len(split.train)
    ([0, 0, 1, 1], 4)
    """
    if not 0.0 < share < 1.0:
        raise ArgumentError(f"`share` must be in (0, 1). Received: share={share}")
    groups = {}
    for number, sample in enumerate(dataset.train):
        groups.setdefault(getattr(sample, "label", 0), []).append(number)
    generator = np.random.default_rng(seed)
    held = set()
    for _, numbers in sorted(groups.items()):
        count = min(round(share * len(numbers)), len(numbers) - 1)
        held.update(generator.permutation(numbers)[:count].tolist())
    if not held:
        raise ArgumentError(
            f"There are too few images to hold any out. Received: {dataset.name} with share={share}"
        )
    parts = ([], [])
    for number, sample in enumerate(dataset.train):
        parts[number in held].append(sample)
    return dataset._replace(train=tuple(parts[0]), test=tuple(parts[1]))
