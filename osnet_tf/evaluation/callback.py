"""Rank-1 and mAP in the logs of Keras's own `fit`."""

from typing import Any

import keras

from osnet_tf.checks import check_choice, check_int
from osnet_tf.data import ReidDataset
from osnet_tf.errors import ArgumentError
from osnet_tf.evaluation.config import PLAIN, EvaluationConfig
from osnet_tf.evaluation.evaluating import evaluate
from osnet_tf.evaluation.measures import METRICS
from osnet_tf.evaluation.preconditions import check_can_evaluate


class ReidEvaluation(keras.callbacks.Callback):
    """Evaluates re-identification at the end of epochs: `rank1` and `mAP` join the epoch's logs.

    So they stand in the history, and callbacks that stand behind this one can watch them:
    `ModelCheckpoint(..., monitor="mAP", mode="max")`.

    Args:
        dataset: A `ReidDataset` with query and gallery.
        config: An `EvaluationConfig`.
        embedder: The model to evaluate; by default the one that is fitted, if its output is the
            embedding, or its output "embedding", as `osnet_tf.add_classifier` makes it.
        metric: Which distance counts, "euclidean" or "cosine".
        every: Epochs between evaluations. The other epochs' logs lack the two figures.
        batch_size: Images in a batch.

    Raises ArgumentError or ConfigError, before anything is trained, if the dataset cannot be
    evaluated (`check_can_evaluate`) or the fitted model has no output "embedding".

    >>> import tempfile
    >>> import numpy as np
    >>> from osnet_tf import LabelSmoothedCrossEntropy, OSNet, add_classifier
    >>> from osnet_tf.data import generate_demo
    >>> demo = generate_demo(
    ...     tempfile.mkdtemp(), train_identities=2, test_identities=2, images_per_camera=2
    ... )
    >>> model = add_classifier(OSNet("osnet_x0_25", input_shape=(32, 16, 3), streams=1), 2)
    >>> model.compile("sgd", loss={"logits": LabelSmoothedCrossEntropy()}, jit_compile=False)
    >>> images, labels = np.zeros((4, 32, 16, 3), "uint8"), np.array([0, 1, 0, 1])
    >>> history = model.fit(
    ...     images, {"logits": labels}, verbose=0, callbacks=[ReidEvaluation(demo)]
    ... )
    >>> 0 <= history.history["rank1"][0] <= 1, len(history.history["mAP"])
    (True, 1)
    """

    def __init__(
        self,
        dataset: ReidDataset,
        config: EvaluationConfig = PLAIN,
        *,
        embedder: keras.Model | None = None,
        metric: str = "euclidean",
        every: int = 1,
        batch_size: int = 256,
    ) -> None:
        super().__init__()
        check_choice(METRICS, metric=metric)
        check_int(every=every, batch_size=batch_size)
        check_can_evaluate(dataset, config)
        self._dataset, self._config, self._metric = dataset, config, metric
        self._every, self._batch_size = every, batch_size
        self._given, self._embedder = embedder, embedder

    def set_model(self, model: keras.Model) -> None:
        super().set_model(model)
        if self._given is None:
            self._embedder = _embedder_of(model)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if logs is None or (epoch + 1) % self._every:
            return
        found = evaluate(
            self._embedder,
            self._dataset,
            self._config,
            metrics=(self._metric,),
            batch_size=self._batch_size,
        )
        scores = found.scores[self._metric]
        logs.update(rank1=scores.rank1, mAP=scores.mAP)


def _embedder_of(model):
    outputs = model.output
    if isinstance(outputs, keras.KerasTensor):
        return model
    if isinstance(outputs, dict) and "embedding" in outputs:
        return keras.Model(model.inputs, outputs["embedding"], name=f"{model.name}_embedder")
    names = sorted(outputs) if isinstance(outputs, dict) else model.output_names
    raise ArgumentError(
        f"The model {model.name!r} has no output 'embedding': give ReidEvaluation the embedder. "
        f"Received: outputs {names}",
        argument="embedder",
    )
