"""The model and the datasets that a command was pointed at."""

from pathlib import Path
from typing import NamedTuple

import keras

from osnet_tf.data import ReidDataset, load_dataset
from osnet_tf.training.run_dir import RunDir
from osnet_tf.weights.assign import load_keras


class Source(NamedTuple):
    """Where a model lies and what it is used on.

    Attributes:
        model: The `.keras` file; it exists.
        datasets: Names of datasets, at least one.
        data_dir: Folder of the datasets.
    """

    model: Path
    datasets: tuple[str, ...]
    data_dir: str


class ModelSource(NamedTuple):
    """A trained embedder and the dataset to use it on.

    Attributes:
        embedder: Images -> embeddings.
        dataset: `ReidDataset`.
    """

    embedder: keras.Model
    dataset: ReidDataset


def source_of(*, run_dir=None, model=None, datasets=(), data_dir=None, default_dataset=None):
    """Finds the model of a run, or a `.keras` file, and the datasets to use it on.

    Args:
        run_dir: Directory of a run; its config says which dataset, unless `datasets` does.
        model: Path of a `.keras` file, in place of `run_dir`.
        datasets: Names of datasets; the run's own by default.
        data_dir: Folder of the datasets; the run's own, or "data", by default.
        default_dataset: For a `.keras` file with no dataset named.

    Raises:
        ValueError: neither or both of `run_dir` and `model`; a model without a dataset.
        FileNotFoundError: there is no such model.

    >>> source_of(model="embedder.keras")
    Traceback (most recent call last):
    ValueError: Give the dataset's name with a model. Received: datasets=()
    """
    if bool(run_dir) == bool(model):
        raise ValueError(
            f"Give either run_dir or model. Received: run_dir={run_dir}, model={model}"
        )
    if run_dir:
        run = RunDir(run_dir)
        config = run.read_config()
        model = run.embedder
        datasets = datasets or (config.dataset,)
        data_dir = data_dir or config.data_dir
    if not datasets and default_dataset:
        datasets = (default_dataset,)
    if not datasets:
        raise ValueError("Give the dataset's name with a model. Received: datasets=()")
    if not Path(model).exists():
        hint = " (training writes it at the end; go on with --resume)" if run_dir else ""
        raise FileNotFoundError(f"There is no model {model}{hint}")
    return Source(Path(model), tuple(datasets), data_dir or "data")


def load_source(*, dataset=None, **where):
    """Loads the model of a run, or a `.keras` file, with one dataset.

    Args:
        dataset: Name of the dataset; the run's own by default.
        **where: The other arguments of `source_of`.

    Raises: as `source_of` and `load_dataset`.
    """
    source = source_of(datasets=(dataset,) if dataset else (), **where)
    return ModelSource(load_keras(source.model), load_dataset(source.datasets[0], source.data_dir))
