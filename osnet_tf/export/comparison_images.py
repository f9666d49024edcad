"""Which images int8 is calibrated with, and exported files compared with the Keras model on."""

from osnet_tf.checks import check_choice
from osnet_tf.data import ReidDataset, Sample
from osnet_tf.errors import ArgumentError
from osnet_tf.evaluation import check_can_evaluate
from osnet_tf.export.config import EVALUATIONS

#: "auto" evaluates test sets of up to so many images in full, larger ones on a sample.
FULL_UP_TO = 2000
#: Images of a sample.
SAMPLE = 1000
#: Query images that are embedded where nothing is evaluated.
UNEVALUATED = 100


def as_people(dataset):
    """Any kind of dataset as one of people, since an embedder needs no more than images.

    Args:
        dataset: A `ReidDataset`, which is returned as it is; or an `AttributeDataset` or a
            `ClassDataset`, whose test images become queries without a gallery. An image's class
            stands for its person, and calibration images are then drawn over the classes.

    >>> from osnet_tf.data.classes import ClassDataset, ClassSample
    >>> pets = ClassDataset("pets", ("cat", "dog"), (ClassSample("a.png", 1),), ())
    >>> as_people(pets).train
    (Sample(path='a.png', pid=2, camid=0),)
    """
    if isinstance(dataset, ReidDataset):
        return dataset

    def samples(part):
        return tuple(Sample(sample.path, getattr(sample, "label", 0) + 1, 0) for sample in part)

    return ReidDataset(dataset.name, samples(dataset.train), samples(dataset.test), ())


def choose_images(dataset, evaluation="auto"):
    """Which images the artefacts are compared on.

    Args:
        dataset: A `ReidDataset`.
        evaluation: "full", the whole test set; "sample", about 1000 images: people evenly spaced
            through the queries, with all their gallery images and an equal number of junk and
            distractors, which is easier than the whole set, so its figures compare artefacts
            and nothing else; "none", 100 test images and no ranking; "auto", "full" up to 2000
            images and else "sample", or "none" where no query has anybody to be found.

    Returns:
        (a `ReidDataset` without train, its gallery empty for "none"; which evaluation it is).

    Raises ArgumentError if the dataset has no test images, or cannot be ranked and `evaluation`
    says that it is to be.

    >>> from osnet_tf.data import ReidDataset, Sample
    >>> people = [Sample(f"{i}", i, i % 2) for i in range(1, 301)]
    >>> small, evaluation = choose_images(ReidDataset("tiny", (), people, people), "none")
    >>> len(small.query), len(small.gallery), evaluation
    (100, 0, 'none')
    """
    check_choice(EVALUATIONS, evaluation=evaluation)
    number = len(dataset.query) + len(dataset.gallery)
    if not number:
        raise ArgumentError(
            f"The dataset {dataset.name} has no test images to compare the exported files on",
            argument="dataset",
        )
    if evaluation != "none" and not _can_be_ranked(dataset, must=evaluation != "auto"):
        evaluation = "none"
    if evaluation == "auto":
        evaluation = "full" if number <= FULL_UP_TO else "sample"
    dataset = dataset._replace(train=())
    if evaluation == "none":
        tested = dataset.query or dataset.gallery
        return dataset._replace(query=_spaced(tested, UNEVALUATED), gallery=()), "none"
    if evaluation == "full" or number <= SAMPLE:
        return dataset, "full"
    return _sample(dataset), "sample"


def _can_be_ranked(dataset, must):
    try:
        check_can_evaluate(dataset)
    except ArgumentError as error:
        if must:
            raise ArgumentError(
                f"{error}. Without ranking, its images can still be compared on: evaluate=none",
                argument="evaluate",
            ) from error
        return False
    return True


def _sample(dataset):
    pids = sorted({sample.pid for sample in dataset.query})
    while True:
        kept = set(pids)
        query = tuple(s for s in dataset.query if s.pid in kept)
        matches = tuple(s for s in dataset.gallery if s.pid in kept)
        if len(query) + len(matches) <= SAMPLE // 2 or len(pids) == 1:
            break
        pids = list(_spaced(pids, max(1, len(pids) * 4 // 5)))
    others = tuple(s for s in dataset.gallery if s.pid not in kept)
    gallery = matches + tuple(_spaced(others, SAMPLE - len(query) - len(matches)))
    return dataset._replace(query=query, gallery=gallery)


def _spaced(items, number):
    """`number` items, evenly spaced through them; all of them if there are fewer."""
    if len(items) <= number:
        return tuple(items)
    return tuple(items[i * len(items) // number] for i in range(number))
