"""The names of datasets, and where what reads them is found."""

import inspect
import os
import pkgutil
from collections.abc import Callable, Sequence
from typing import Any

from osnet_tf.checks import did_you_mean
from osnet_tf.data.archives import is_archive, unpacked
from osnet_tf.errors import ArgumentError

# One line a reader: name -> "module:function". The function takes the data directory and, if it has
# arguments of these names, `variant` (what follows the name after a colon), `split_identities` and
# `seed`; it returns the dataset, or a list of all splits of it. It is looked up on use, so that
# knowing a name imports nothing.
READERS = {
    "cifar10": "osnet_tf.data.cifar:read_cifar10",
    "cifar100": "osnet_tf.data.cifar:read_cifar100",
    "classes": "osnet_tf.data.classes:read_classes",
    "cuhk01": "osnet_tf.data.cuhk01:read_cuhk01",
    "cuhk02": "osnet_tf.data.cuhk02:read_cuhk02",
    "cuhk03": "osnet_tf.data.cuhk03:read_cuhk03",
    "cuhksysu": "osnet_tf.data.cuhksysu:read_cuhksysu",
    "demo": "osnet_tf.data.demo:load_demo",
    "dukemtmcreid": "osnet_tf.data.dukemtmcreid:read_dukemtmcreid",
    "folder": "osnet_tf.data.folder:read_folder",
    "grid": "osnet_tf.data.grid:read_grid",
    "ilids": "osnet_tf.data.ilids:read_ilids",
    "ilidsvid": "osnet_tf.data.ilidsvid:read_ilidsvid",
    "imagenet": "osnet_tf.data.imagenet:read_imagenet",
    "ltcc": "osnet_tf.data.ltcc:read_ltcc",
    "market1501": "osnet_tf.data.market1501:read_market1501",
    "market1501_attributes": "osnet_tf.data.attributes:read_market1501_attributes",
    "msmt17": "osnet_tf.data.msmt17:read_msmt17",
    "occluded_duke": "osnet_tf.data.occluded_duke:read_occluded_duke",
    "pa100k": "osnet_tf.data.attributes:read_pa100k",
    "prcc": "osnet_tf.data.prcc:read_prcc",
    "prid": "osnet_tf.data.prid:read_prid",
    "sensereid": "osnet_tf.data.sensereid:read_sensereid",
    "viper": "osnet_tf.data.viper:read_viper",
}


def dataset_names() -> list[str]:
    """The names that `load_dataset` knows, sorted.

    >>> "market1501" in dataset_names()
    True
    """
    return sorted(READERS)


def register_dataset(name: str, reader: str | Callable) -> None:
    """Gives a dataset of one's own a name that every command and `load_dataset` knows.

    Args:
        name: letters, digits, `_`, `-` and `.`; a name that is taken is given to the new reader.
        reader: a function of the data directory that returns the dataset, or where it is, as
            "package.module:function". It may have arguments `variant`, `split_identities` and
            `seed`: see `load_dataset`.

    Raises ArgumentError for another name or reader.

    >>> from osnet_tf.data import ReidDataset, Sample
    >>> people = (Sample("a.jpg", 1, 0), Sample("b.jpg", 2, 0))
    >>> register_dataset("mine", lambda data_dir: ReidDataset("mine", people, (), ()))
    >>> load_dataset("mine", "anywhere").num_train_pids
    2
    >>> del READERS["mine"]
    """
    allowed = isinstance(name, str) and name and all(c.isalnum() or c in "_-." for c in name)
    if not allowed:
        raise ArgumentError(
            f"`name` must be made of letters, digits, _, - and . Received: name={name!r}",
            argument="name",
        )
    if not callable(reader) and not (isinstance(reader, str) and ":" in reader):
        raise ArgumentError(
            "`reader` must be a function, or a text such as 'package.module:function'. "
            f"Received: reader={reader!r}",
            argument="reader",
        )
    READERS[name] = reader


def load_dataset(
    name: str, data_dir: str | os.PathLike, *, split_identities: float = 0.5, seed: int = 0
) -> Any:
    """Reads a dataset by its name.

    Nothing is ever downloaded: a dataset lies below `data_dir` already (the error says how to lay
    it out), but for "demo", which is drawn on this machine on first use.

    Args:
        name: one of `dataset_names()`; "NAME:VARIANT" for a dataset that has variants, such as
            `folder:PLACE`; or "package.module:function", a reader of one's own.
        data_dir: the directory that holds the datasets; for "folder" and "classes" the data
            themselves. Also a zip or tar file of it, or one in the place of a dataset's folder:
            see `osnet_tf.data.archives.unpacked`.
        split_identities: in [0, 1], the share of the people who become query and gallery, for a
            dataset without a split of its own.
        seed: int >= 0, decides which people these are.

    Returns:
        A `ReidDataset`, or what else the reader returns.

    Raises:
        ArgumentError: the name is unknown, or has no variants, or the reader cannot be found; or
            it stands for several splits, which are for `load_datasets`.
        DatasetNotFoundError: the files are not there.
        DatasetLayoutError: the files are there, but not all, or not the right ones.

    Example:

    >>> load_dataset("market1051", "data")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    osnet_tf.errors.ArgumentError: There is no dataset 'market1051'. Did you mean 'market1501'? ...
    """
    found = _read(name, data_dir, split_identities=split_identities, seed=seed)
    if len(found) > 1:
        raise ArgumentError(
            f"{name!r} stands for {len(found)} splits, and one is needed, such as "
            f"{found[0].name!r}",
            argument="dataset",
        )
    return found[0]


def load_datasets(
    names: str | Sequence[str],
    data_dir: str | os.PathLike,
    *,
    split_identities: float = 0.5,
    seed: int = 0,
) -> list:
    """Reads several datasets: `load_dataset` of each.

    Args:
        names: "a,b", or a sequence of names. Of a dataset that comes in several splits,
            "NAME:all" stands for all of them.
        data_dir, split_identities, seed: as for `load_dataset`.

    Raises, besides: ArgumentError for no name, or a name that is given twice.
    """
    if isinstance(names, str):
        names = [name.strip() for name in names.split(",") if name.strip()]
    names = list(names)
    _check_each_once(names)
    split = {"split_identities": split_identities, "seed": seed}
    found = [dataset for name in names for dataset in _read(name, data_dir, **split)]
    if len(found) > len(names):  # all splits of one, and perhaps one of them besides
        _check_each_once([dataset.name for dataset in found])
    return found


def _check_each_once(names):
    if not names or len(set(names)) < len(names):
        raise ArgumentError(
            f"Datasets must be named, each once. Received: {','.join(names) or 'no name'}",
            argument="dataset",
        )


def _read(name, data_dir, **options) -> list:
    """What a name stands for: one dataset, or all splits of it."""
    reader, variant = find_reader(name)
    if variant:
        options["variant"] = variant
    taken = inspect.signature(reader).parameters
    if variant and "variant" not in taken:
        raise ArgumentError(f"The dataset {name.partition(':')[0]!r} has no variants. "
                            f"Received: {name!r}", argument="dataset")  # fmt: skip
    if is_archive(data_dir):
        data_dir = unpacked(data_dir, show_progress=None)
    read = reader(data_dir, **{key: value for key, value in options.items() if key in taken})
    found = read if isinstance(read, list) else [read]
    for dataset in found or [None]:
        if not hasattr(dataset, "train"):
            raise ArgumentError(
                f"The reader of {name!r} must return a dataset, such as a ReidDataset, or a list "
                f"of them. Received: {type(dataset).__name__}"
            )
    return found


def find_reader(name: str) -> tuple:
    """(reader, variant) of a name; raises ArgumentError for an unknown one, with the nearest.

    >>> reader, variant = find_reader("viper:3")
    >>> reader.__name__, variant
    ('read_viper', '3')
    """
    if isinstance(name, str):
        first, colon, rest = name.partition(":")
        if first in READERS and (rest or not colon):
            return _resolve(READERS[first]), rest
        if (colon and rest and "." in first) or (colon and rest.isidentifier() and rest):
            return _resolve(name), ""
    raise ArgumentError(
        f"There is no dataset {name!r}.{did_you_mean(name, READERS)} "
        f"There are: {', '.join(dataset_names())}. Or name a function: package.module:function",
        argument="dataset",
    )


def _resolve(reader):
    if callable(reader):
        return reader
    try:
        found = pkgutil.resolve_name(reader)
    except (ImportError, AttributeError, ValueError) as error:
        raise ArgumentError(
            f"There is no reader of datasets {reader!r}: {error}", argument="dataset"
        ) from error
    if not callable(found):
        raise ArgumentError(f"{reader!r} must be a function of the data directory")
    return found
