"""A run's model saved and judged: at the epochs that the config asks for, and at the end."""

import contextlib
import shutil

from osnet_tf.files import whole_file
from osnet_tf.training.best import BestEvaluation


class Judge:
    """Saves what was trained, then has the task evaluate it, and remembers the best.

    Args:
        task: The `Task`.
        config: The `TrainingEvaluationConfig`.
        epochs: Epochs of the run.
        folder: Its `RunDir`.
        for_use: A function without arguments that returns a context of (embedder, model) as they
            are used: averaged weights, in float32.
        strategy: As `Task.evaluate` takes it.
        show_progress: Progress bars on stderr.
        hosts: The `SharedEmbedding` of several hosts, in place of `strategy`; or None.

    Attributes:
        best: `BestEvaluation`, to be put into the checkpoints.
    """

    def __init__(
        self, task, config, epochs, folder, for_use, *, strategy, show_progress, hosts=None
    ):
        self.best = BestEvaluation()
        self._task = task
        self._config = config
        self._epochs = epochs
        self._dir = folder
        self._hosts = hosts
        self._for_use = for_use
        self._options = {
            "batch_size": config.evaluation_batch_size,
            "folder": folder.evaluation,
            "strategy": hosts or strategy,
            "show_progress": show_progress,
        }
        self._judged = (0, None)  # the epoch, from 1, that was evaluated last, and its scores

    @property
    def has_enough(self):
        """Whether `patience` is at its end."""
        return bool(self._config.patience) and int(self.best.since) >= self._config.patience

    def is_due(self, epoch):
        """Whether an epoch, from 1, is to be evaluated."""
        every = self._config.evaluate_every
        return epoch == self._epochs or bool(every and epoch % every == 0)

    def judge(self, epoch):
        """Saves and evaluates the model of an epoch, from 1; returns the figures for its logs."""
        with self._assisted():
            figures = self._scores(epoch).figures
        if self.best.beaten_by(figures[self._task.score], epoch) and self._config.evaluate_every:
            with whole_file(self._dir.best_embedder) as new:
                shutil.copyfile(self._dir.embedder, new)
        return {name: figures[name] for name in self._task.figures}

    def finish(self, epoch):
        """(score, results) of the last epoch, from 1; with the best one and what others gave."""
        judged, scores = self._judged
        with self._assisted():
            if judged != epoch:
                scores = self._scores(epoch)
            with self._models() as models:
                others = self._task.evaluate_others(*models, **self._options)
        results = dict(scores.to_dict())
        if self._config.evaluate_every and int(self.best.epoch):
            score = float(self.best.score)
            results["best"] = {"epoch": int(self.best.epoch), self._task.score: score}
        results.update(others)
        return scores.figures[self._task.score], results

    def assist(self):
        """What another host than the chief does while that one judges, or finishes."""
        with self._models():
            self._hosts.assist()

    @contextlib.contextmanager
    def _assisted(self):
        """A context at whose end the other hosts, who assist, go on."""
        yield
        if self._hosts is not None:
            self._hosts.done()

    @contextlib.contextmanager
    def _models(self):
        """A context of (embedder, model) as they are used, which all hosts know."""
        with self._for_use() as (embedder, model):
            if self._hosts is not None:
                predictor = self._task.predictor(embedder, model)
                self._hosts.know(embedder=embedder, predictor=predictor)
            yield embedder, model

    def _scores(self, epoch):
        self._dir.check_there()
        with self._models() as (embedder, model):
            with whole_file(self._dir.embedder) as new:  # first, whatever the evaluation meets
                embedder.save(new)
            self._save_predictor(embedder, model)
            scores = self._task.evaluate(embedder, model, **self._options)
        self._judged = (epoch, scores)
        return scores

    def _save_predictor(self, embedder, model):
        predictor = self._task.predictor(embedder, model)
        if predictor is not None:
            with whole_file(self._dir.predictor) as new:
                predictor.save(new)
            with whole_file(self._dir.labels) as new:
                new.write_text("".join(f"{label}\n" for label in self._task.labels), "utf-8")
