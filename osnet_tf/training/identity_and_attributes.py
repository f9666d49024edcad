"""Re-identification with help: what people look like is learnt beside who they are."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from osnet_tf.data import ReidDataset, load_dataset
from osnet_tf.data.attributes import AttributeDataset
from osnet_tf.errors import ArgumentError
from osnet_tf.losses import LossTerm, WeightedBinaryCrossEntropy, WeightedLosses
from osnet_tf.training.attributes import attribute_logits
from osnet_tf.training.reid import ReidTask


class IdentityAndAttributesTask(ReidTask):
    """`ReidTask` with one more output and loss: the attributes of the training images.

    It is judged as `ReidTask`, so that the two tell whether attributes help.

    Args:
        dataset: A `ReidDataset`.
        attributes: An `AttributeDataset` that has every training image of `dataset`.
        attribute_weight: Weight of the attributes' loss beside the others, >= 0.
        **options: As for `ReidTask`.

    Raises ArgumentError if a training image has no attributes.

    Reference: Lin et al., arXiv 1703.07220, section 4.

    >>> from osnet_tf.data import ReidDataset, Sample
    >>> from osnet_tf.data.attributes import AttributeSample
    >>> people = ReidDataset("tiny", (Sample("a.jpg", 7, 0), Sample("b.jpg", 2, 1)), (), ())
    >>> seen = (AttributeSample("a.jpg", (1, 0)), AttributeSample("b.jpg", (0, 0)))
    >>> task = IdentityAndAttributesTask(people, AttributeDataset("tiny", ("hat", "bag"), seen))
    >>> {name: rows.tolist() for name, rows in task.targets(task.samples).items()}
    {'identity': [1, 0], 'attributes': [[1, 0], [0, 0]]}
    """

    name = "reid_and_attributes"

    def __init__(
        self,
        dataset: ReidDataset,
        attributes: AttributeDataset,
        *,
        attribute_weight: float = 1.0,
        **options: Any,
    ) -> None:
        super().__init__(dataset, **options)
        self._attributes = attributes
        self._weight = attribute_weight
        seen = (*attributes.train, *attributes.val, *attributes.test)
        self._rows = {sample.path: sample.attributes for sample in seen}
        missing = [sample.path for sample in dataset.train if sample.path not in self._rows]
        if missing:
            raise ArgumentError(
                f"{attributes.name} has no attributes of {len(missing)} training images of "
                f"{dataset.name}, such as {missing[0]}",
                argument="attributes",
            )

    @classmethod
    def _more(cls, config):
        attributes = load_dataset(config.data.attributes, config.data.data_dir)
        if not isinstance(attributes, AttributeDataset):
            raise ArgumentError(
                "`attributes` must name a dataset of attributes. "
                f"Received: attributes={config.data.attributes}",
                argument="attributes",
            )
        weight = config.losses.attribute_weight
        return {"attributes": attributes, "attribute_weight": weight}

    def targets(self, samples: Sequence[Any]) -> dict[str, np.ndarray]:
        rows = np.array([self._rows[sample.path] for sample in samples], np.int32)
        return {**super().targets(samples), "attributes": rows}

    def build(self, embedder: keras.Model) -> keras.Model:
        model = super().build(embedder)
        logits = attribute_logits(embedder, len(self._attributes.attributes))
        return keras.Model(model.input, {**model.output, "attributes": logits})

    def losses(self) -> WeightedLosses:
        loss = WeightedBinaryCrossEntropy(self._attributes.positive_rates)
        term = LossTerm("attributes", "attributes", loss, self._weight)
        return WeightedLosses([*super().losses().terms, term])
