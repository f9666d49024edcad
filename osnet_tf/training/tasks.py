"""Which task a run learns: the kind of its dataset decides."""

from typing import Any

from osnet_tf.data import ReidDataset, load_datasets, merge_datasets
from osnet_tf.data.attributes import AttributeDataset
from osnet_tf.data.classes import ClassDataset
from osnet_tf.errors import ArgumentError
from osnet_tf.training.attributes import AttributeTask
from osnet_tf.training.classification import ClassificationTask
from osnet_tf.training.config import TrainingConfig
from osnet_tf.training.identity_and_attributes import IdentityAndAttributesTask
from osnet_tf.training.reid import ReidTask
from osnet_tf.training.task import Task

#: Kind of dataset -> class of task; a task's `from_config(config, dataset)` makes it.
TASKS: dict[type, Any] = {
    ReidDataset: ReidTask,
    AttributeDataset: AttributeTask,
    ClassDataset: ClassificationTask,
}


def make_task(config: TrainingConfig, dataset: Any = None) -> Task:
    """The task that a config describes: re-identification, attributes or classification.

    Args:
        config: A `TrainingConfig`.
        dataset: A dataset in place of the one that it names.

    Returns:
        A `Task`.

    Raises:
        ConfigError: a setting is of no use to the task, or does not fit the data.
        ArgumentError: no task learns from such a dataset; several datasets that no task can join.
        OSNetError: as `osnet_tf.data.load_datasets`.

    >>> from osnet_tf.data.classes import ClassDataset, ClassSample
    >>> from osnet_tf.training import TrainingConfig
    >>> images = (ClassSample("a.png", 0), ClassSample("b.png", 1))
    >>> pets = ClassDataset("pets", ("cat", "dog"), images, images)
    >>> make_task(TrainingConfig(), pets).name
    'classification'
    >>> make_task(TrainingConfig(instances=4), pets)
    Traceback (most recent call last):
    ...
    osnet_tf.config.ConfigError: `instances` is of no use to classification. Received: instances=4
    """
    if dataset is None:
        data = config.data
        split = {"split_identities": data.split_identities, "seed": config.run.seed}
        dataset = merge_datasets(load_datasets(data.dataset, data.data_dir, **split))
    if isinstance(dataset, ReidDataset) and config.data.attributes:
        return IdentityAndAttributesTask.from_config(config, dataset)
    for kind, task in TASKS.items():
        if isinstance(dataset, kind):
            return task.from_config(config, dataset)
    raise ArgumentError(
        f"A dataset must be one of {', '.join(kind.__name__ for kind in TASKS)}, or a task of "
        f"one's own be given. Received: {type(dataset).__name__}",
        argument="dataset",
    )
