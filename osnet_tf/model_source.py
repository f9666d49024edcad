"""The model and the dataset that a command was pointed at."""

from pathlib import Path
from typing import NamedTuple

import keras

from osnet_tf.data import ReidDataset, load_dataset
from osnet_tf.training.run_dir import RunDir


class ModelSource(NamedTuple):
    """A trained embedder and the dataset to use it on.

    Attributes:
        embedder: Images -> embeddings.
        dataset: `ReidDataset`.
    """

    embedder: keras.Model
    dataset: ReidDataset


def load_source(*, run_dir=None, model=None, dataset=None, data_dir=None, default_dataset=None):
    """Loads the model of a run, or a `.keras` file, with a dataset.

    Args:
        run_dir: Directory of a run; its config says which dataset, unless `dataset` does.
        model: Path of a `.keras` file, in place of `run_dir`.
        dataset: Name of a dataset; the run's own by default.
        data_dir: Folder of the datasets; the run's own, or "data", by default.
        default_dataset: For a `.keras` file with no dataset named.

    Raises:
        ValueError: neither or both of `run_dir` and `model`; a model without a dataset.
        FileNotFoundError: there is no such model.
    """
    if bool(run_dir) == bool(model):
        raise ValueError(
            f"Give either run_dir or model. Received: run_dir={run_dir}, model={model}"
        )
    if run_dir:
        run = RunDir(run_dir)
        config = run.read_config()
        model = run.embedder
        dataset = dataset or config.dataset
        data_dir = data_dir or config.data_dir
    dataset = dataset or default_dataset
    if not dataset:
        raise ValueError("Give the dataset's name with a model. Received: dataset=None")
    if not Path(model).exists():
        hint = " (training writes it at the end; go on with --resume)" if run_dir else ""
        raise FileNotFoundError(f"There is no model {model}{hint}")
    return ModelSource(
        keras.models.load_model(model, compile=False), load_dataset(dataset, data_dir or "data")
    )
