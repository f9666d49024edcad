"""Distillation: teachers whose outputs a model learns to imitate, beside what its task asks of it.

To the losses, a teacher's outputs are targets as any others. They are made in the training step, of
the very images that the student sees there; or once, before training, of the unchanged images.
"""

import keras
import tensorflow as tf

from osnet_tf.config import ConfigError
from osnet_tf.embedding import embed_paths
from osnet_tf.losses import (
    EmbeddingDistillation,
    LogitDistillation,
    LossTerm,
    RelationalDistillation,
    WeightedLosses,
)
from osnet_tf.training.config import AVERAGE
from osnet_tf.training.teachers import AverageTeacher, EnsembleTeacher, FileTeacher


class Distillation:
    """What a `DistillationConfig` asks for: its teachers, and what the student needs besides.

    The student learns an embedding in the space of each teacher: its own, where there is a single
    teacher of the same dimension (or the average of its own weights), else a linear projection of
    it, which is learnt with it and left out of the embedder. Each loss counts as its mean over the
    teachers.

    Args:
        config: A `DistillationConfig`; without teachers, nothing is added anywhere.
        size: `(height, width)` of the student's images.

    Attributes:
        in_step: Whether the teachers see the images in each step; else `of_files` is to be asked.
        fingerprints: List of a fingerprint for each teacher that is a file.

    Raises:
        NotFoundError, FileError, WeightsError: a teacher's file cannot be read, or is no model with
            an embedding.
    """

    def __init__(self, config, size):
        self._config = config
        names = config.teachers
        self._files = {n: _teacher(files, size) for n, files in names.items() if files != [AVERAGE]}
        self._average = None
        self.in_step = bool(names) and config.teacher_images == "augmented"
        members = [member for teacher in self._files.values() for member in teacher.members]
        self.fingerprints = [member.fingerprint for member in members]

    def build(self, model, embedder):
        """The task's model with what the losses of distillation compare.

        Args:
            model: What `Task.build` made of the embedder.
            embedder: The embedder.

        Returns:
            A `keras.Model`; the task's own without teachers.
        """
        if not self._config.teachers:
            return model
        embedding = embedder.output
        outputs = {**model.output, "distilled": embedding}
        if self._config.teacher_embedding_weight:
            for name, teacher in self._files.items():
                alone = len(self._config.teachers) == 1
                if not alone or teacher.dim != embedding.shape[-1]:
                    projection = keras.layers.Dense(
                        teacher.dim, use_bias=False, dtype="float32", name=f"{name}_projection"
                    )
                    outputs[f"{name}_projection"] = projection(embedding)
        return keras.Model(model.input, outputs, name=model.name)

    def losses(self, own, model):
        """The task's losses and those of distillation.

        Args:
            own: The task's `WeightedLosses`.
            model: What `build` returned.

        Raises ConfigError: logits are to be compared, and the task has none or a teacher has none,
        or as many as other classes.
        """
        terms = list(own.terms)
        for name in self._config.teachers:
            terms += self._losses_of(name, model)
        return WeightedLosses(terms)

    def _losses_of(self, name, model):
        config, terms = self._config, []

        def add(output, kind, loss, weight):
            weight /= len(config.teachers)
            terms.append(LossTerm(output, f"{name}_{kind}", loss, weight))

        if config.teacher_embedding_weight:
            projected = f"{name}_projection"
            output = projected if projected in model.output else "distilled"
            loss = EmbeddingDistillation(name=f"{name}_embedding")
            add(output, "embedding", loss, config.teacher_embedding_weight)
        if config.teacher_distances_weight:
            loss = RelationalDistillation(name=f"{name}_distances")
            add("distilled", "embedding", loss, config.teacher_distances_weight)
        if config.teacher_logits_weight:
            self._check_classes(name, model)
            loss = LogitDistillation(config.teacher_temperature, name=f"{name}_logits")
            add("logits", "logits", loss, config.teacher_logits_weight)
        return terms

    def _check_classes(self, name, model):
        weight, logits = self._config.teacher_logits_weight, model.output.get("logits")
        if logits is None:
            rule = "needs a task with logits over classes"
            raise ConfigError("teacher_logits_weight", rule, weight)
        members = self._files[name].members if name in self._files else ()
        for teacher in members:
            if teacher.classes != logits.shape[-1]:
                has = f"{teacher.classes} classes" if teacher.classes else "no classifier"
                rule = f"needs teachers of the {logits.shape[-1]} classes: {teacher.path} has {has}"
                raise ConfigError("teacher_logits_weight", rule, weight)

    def learn_from(self, model, average):
        """Makes the moving average of the student's own weights the teacher that is called so.

        Args:
            model: The student, as `build` returned it.
            average: The `MovingAverage` of its variables.
        """
        self._average = AverageTeacher(model, average)

    def __call__(self, images):
        """What the teachers say of a replica's images, as targets.

        Args:
            images: RGB `(batch, height, width, 3)` of 0..255, any dtype.

        Returns:
            Dict of float32 tensors `(batch, ...)`.
        """
        found = {}
        for name in self._config.teachers:
            outputs = self._files.get(name, self._average)(images)
            found |= {f"{name}_{k}": v for k, v in outputs.items() if k in self._wanted}
        return {key: tf.stop_gradient(value) for key, value in found.items()}

    def of_files(self, paths, *, batch_size, flip_test=False, progress=None):
        """What the teachers say of image files at their own size, as targets.

        Args:
            paths: Paths of the images.
            batch_size: Images in a batch, >= 1.
            flip_test: Average with what they say of the mirrored images.
            progress: Called with the number of images of each finished batch, of each teacher.

        Returns:
            Dict of float32 arrays with a row for each image.

        Raises ImageError for an image that cannot be read, or that a teacher overflows at.
        """
        options = {"batch_size": batch_size, "flip_test": flip_test, "progress": progress}
        found = {}
        for name, teacher in self._files.items():
            rows = embed_paths(teacher.flat, paths, **options)
            found[f"{name}_embedding"], found[f"{name}_logits"] = teacher.cut(rows)
        return {k: v for k, v in found.items() if k.rpartition("_")[2] in self._wanted}

    @property
    def _wanted(self):
        """Which outputs of the teachers the losses compare."""
        config = self._config
        embedding = config.teacher_embedding_weight or config.teacher_distances_weight
        logits = config.teacher_logits_weight
        return [k for k, used in (("embedding", embedding), ("logits", logits)) if used]


def _teacher(files, size):
    members = [FileTeacher(path, size) for path in files]
    return members[0] if len(members) == 1 else EnsembleTeacher(members)
