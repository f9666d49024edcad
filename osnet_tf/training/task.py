"""What is learnt: the part of training that knows what the images show."""

import abc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from osnet_tf.losses import WeightedLosses
from osnet_tf.types import PathLike


@dataclass(frozen=True)
class TaskScores:
    """What an evaluation of a task found.

    Attributes:
        figures: Numbers by name: for each of `Task.figures`, its `score` among them.
        results: All that was found, as `results.json` will hold it.
    """

    figures: dict[str, float]
    results: dict

    def to_dict(self) -> dict[str, Any]:
        """`results`."""
        return self.results


class Task(abc.ABC):
    """What a model learns, from which images, and how it is judged.

    `osnet_tf.training.fit` does the rest: batches, steps, checkpoints, when to evaluate and when to
    stop. It knows of a task what stands here, and nothing of people, cameras or classifiers. One
    object is made for each run and holds the run's data.

    Attributes:
        name: Of the task, as `config.json` records it.
        score: The figure that tells the best epoch, when patience ends and what a sweep looks
            for; higher is better.
        figures: Names of the numbers that an evaluation adds to an epoch's logs; `score` is one.

    >>> import keras
    >>> import numpy as np
    >>> from osnet_tf import LabelSmoothedCrossEntropy, OSNet
    >>> from osnet_tf.losses import LossTerm, WeightedLosses
    >>> class DayOrNight(Task):  # a sample here is a NamedTuple of path and night, 0 or 1
    ...     name, score, figures = "day_or_night", "accuracy", ("accuracy",)
    ...
    ...     def __init__(self, samples):
    ...         self._samples = samples
    ...
    ...     @property
    ...     def samples(self):
    ...         return self._samples
    ...
    ...     def targets(self, samples):
    ...         return {"night": np.array([sample.night for sample in samples], np.int32)}
    ...
    ...     def build(self, embedder):
    ...         night = keras.layers.Dense(2, dtype="float32", name="night")(embedder.output)
    ...         return keras.Model(embedder.input, {"night": night})
    ...
    ...     def losses(self):
    ...         return WeightedLosses([LossTerm("night", "night", LabelSmoothedCrossEntropy(0.0))])
    ...
    ...     def evaluate(self, embedder, model, **options):
    ...         ...
    >>> task = DayOrNight([])
    >>> embedder = OSNet("osnet_x0_25", input_shape=(32, 16, 3), streams=1)
    >>> model = task.build(embedder)
    >>> [layer.name for layer in task.new_layers(model, embedder)]
    ['night']
    """

    name: str
    score: str
    figures: tuple[str, ...]

    @property
    @abc.abstractmethod
    def samples(self) -> Sequence[Any]:
        """The training images: a sequence of objects that have a `path`."""

    @property
    def groups(self) -> np.ndarray | None:
        """int `(len(samples),)`, what P x K batches group the images by; None if by nothing."""
        return None

    @abc.abstractmethod
    def targets(self, samples: Sequence[Any]) -> dict[str, np.ndarray]:
        """What the losses compare the outputs with.

        Args:
            samples: Some of `samples`.

        Returns:
            Dict of numeric arrays with a row for each sample.
        """

    def check(self, *, show_progress: bool = False) -> None:  # noqa: B027  a task may have nothing to check
        """Looks, before any work, at all that the evaluation will need.

        Raises an `OSNetError` where it could not be done: a test image cannot be read.
        """

    @abc.abstractmethod
    def build(self, embedder: Any) -> Any:
        """Puts on an embedder what the task needs.

        Args:
            embedder: A model as `OSNet` returns.

        Returns:
            A `keras.Model` of the same input and layers, with a dict of outputs by name; float32
            also where the layers compute in less.
        """

    @abc.abstractmethod
    def losses(self) -> WeightedLosses:
        """The `osnet_tf.losses.WeightedLosses`: which loss compares which output and target."""

    def step_metrics(self) -> dict[str, Callable]:
        """What else is told of each step.

        Returns:
            Dict from a name to a function of `(targets, outputs)`, both dicts of tensors, that
            returns a scalar: the mean over their images.
        """
        return {}

    def predictor(self, embedder: Any, model: Any) -> Any | None:
        """What is saved as `predictor.keras`, beside the embedder, for those who use the model.

        Args:
            embedder, model: As for `evaluate`.

        Returns:
            A `keras.Model` of the same input, whose output is probabilities of `labels`; None where
            the embedder is all that is used.
        """
        return None

    @property
    def labels(self) -> Sequence[str]:
        """What each output of the `predictor` means: a sequence of texts without line breaks."""
        return ()

    def new_layers(self, model: Any, embedder: Any) -> list[Any]:
        """The layers that `new_layers_only_epochs` trains alone: those that `build` has added."""
        known = {id(layer) for layer in embedder.layers}
        return [layer for layer in model.layers if id(layer) not in known]

    @abc.abstractmethod
    def evaluate(
        self,
        embedder: Any,
        model: Any,
        *,
        batch_size: int,
        folder: PathLike,
        strategy: Any | None = None,
        show_progress: bool = False,
    ) -> TaskScores:
        """Judges a model as it will be used: averaged weights, float32.

        Args:
            embedder: The embedder.
            model: What `build` made of it.
            batch_size: Images in a batch.
            folder: Where the evaluation may leave files for the next one; it need not exist.
            strategy: The `tf.distribute.Strategy` in whose scope both were made, to spread the work
                over its replicas; None if there is but one.
            show_progress: Progress bars on stderr.

        Returns:
            `TaskScores`.
        """

    def evaluate_others(self, embedder: Any, model: Any, **options: Any) -> dict[str, Any]:
        """Judges the trained model on other data too, once, after the last epoch.

        Args:
            embedder, model, **options: As for `evaluate`.

        Returns:
            Dict of what `results.json` is to hold besides: under "others", a dict from a name to a
            dict as `TaskScores.results`, and what follows from them.
        """
        return {}

    def describe(self, results: dict[str, Any]) -> str:
        """What the command prints of `results.json`.

        Args:
            results: Its dict.
        """
        return "\n".join(
            f"{name:<12}{results[name]:.4f}" for name in self.figures if name in results
        )
