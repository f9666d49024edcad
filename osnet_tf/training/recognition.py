"""What attribute recognition and classification have in common: a predictor, and test images."""

from osnet_tf.config import ConfigError
from osnet_tf.data.decoding import check_images
from osnet_tf.data.held_out import hold_out_images
from osnet_tf.errors import ArgumentError
from osnet_tf.evaluation.recognition import evaluate_predictor
from osnet_tf.progress_bar import progress_bar
from osnet_tf.training.config import OF_PEOPLE
from osnet_tf.training.task import Task, TaskScores


class RecognitionTask(Task):
    """A task whose predictor says what an image shows, judged on the dataset's test images.

    Args:
        dataset: A dataset with `train` and `test`.
        flip_test: Whether an image's probabilities are averaged with those of its mirror image.

    Raises ArgumentError if it has no training or no test images.
    """

    def __init__(self, dataset, *, flip_test=False):
        for split in ("train", "test"):
            if not getattr(dataset, split):
                raise ArgumentError(f"The dataset {dataset.name} has no {split} images")
        self.dataset = dataset
        self._flip_test = flip_test

    @classmethod
    def from_config(cls, config, dataset, **more):
        """The task that a `TrainingConfig` and a dataset describe.

        With `hold_out` it is judged on that share of the training images.

        Args:
            config: The config.
            dataset: The dataset.
            **more: What else the class is to be given.

        Raises ConfigError for a setting that is of no use to it, or does not fit.
        """
        config.check_unused(OF_PEOPLE, cls.name)
        share = config.data.hold_out
        if share:
            try:
                dataset = hold_out_images(dataset, share, seed=config.run.seed)
            except ValueError as error:
                raise ConfigError("hold_out", f"does not fit: {error}", share) from None
        return cls(dataset, flip_test=config.evaluation.flip_test, **more)

    @property
    def samples(self):
        return self.dataset.train

    def check(self, *, show_progress=False):
        paths = [sample.path for sample in self.dataset.test]
        with progress_bar(show_progress, len(paths), "checking the test images") as count:
            check_images(paths, progress=count)

    def evaluate(self, embedder, model, *, folder, **options):
        predictor = self.predictor(embedder, model)
        found = evaluate_predictor(predictor, self.dataset, flip_test=self._flip_test, **options)
        return TaskScores({name: found[name] for name in self.figures}, found)
