"""Models that others learn from: of files, or the average of the learner's own weights."""

from functools import cached_property

import keras
import tensorflow as tf

from osnet_tf.architecture import fingerprint
from osnet_tf.export.graph_folding import folded_inference
from osnet_tf.weights.errors import WeightsError
from osnet_tf.weights.keras_files import load_keras


class _FixedTeacher:
    """A teacher whose weights stay as they are.

    Attributes:
        members: The `FileTeacher`s that it is made of.
        dim: Length of its embedding.
        classes: Of its logits; 0 if it has none.
        size: `(height, width)` of its images.
        flat: `keras.Model` of one output: the embedding, then the logits.
    """

    def __init__(self, size, dim, classes, rows):
        """`rows` maps a tensor of images of `size` to what `flat` has for them."""
        self.dim = dim
        self.classes = classes
        self.size = size
        images = keras.Input((*size, 3), name="images")
        self.flat = keras.Model(images, rows(images))

    @cached_property
    def _infer(self):
        with tf.init_scope():  # outside of the step that is being traced
            return folded_inference(self.flat)

    def __call__(self, images):
        """Its outputs for a batch `(batch, height, width, 3)` of 0..255: a dict of tensors."""
        images = _resized(tf.cast(images, tf.float32), self.size)
        embedding, logits = self.cut(self._infer(images))
        return {"embedding": embedding, "logits": logits}

    def cut(self, rows):
        """(embeddings, logits) of rows of `flat`; logits of no columns without a classifier."""
        return rows[:, : self.dim], rows[:, self.dim :]


class FileTeacher(_FixedTeacher):
    """A trained model from a `.keras` file, as training and `convert` write it.

    It may be of any architecture, dimension and size of image. Images of another size than its own
    are resized for it (bilinear).

    Args:
        path: The file. With a classifier (`train/convert.py --classifier`), its logits are known.
        size: `(height, width)` of its images where the file's model takes any.

    Attributes:
        path: The path.
        fingerprint: A text that tells what it computes from all others.

    Raises:
        NotFoundError, FileError, WeightsError: as `osnet_tf.weights.load_keras`; the model has no
            embedding `(batch, dim)`.
    """

    def __init__(self, path, size):
        model = load_keras(path)
        output = model.output
        outputs = dict(output) if isinstance(output, dict) else {"embedding": output}
        embedding, logits = outputs.get("embedding"), outputs.get("logits")
        if embedding is None or len(embedding.shape) != 2 or len(model.inputs) != 1:
            raise WeightsError(path, "is no teacher: its model has no embedding of (batch, dim)")
        self.path = path
        self.fingerprint = fingerprint(model)
        self.members = [self]
        size = tuple(own or given for own, given in zip(model.input_shape[1:3], size, strict=True))
        flat = embedding
        if logits is not None:
            flat = keras.layers.Concatenate(dtype="float32")([embedding, logits])
        classes = 0 if logits is None else logits.shape[-1]
        super().__init__(size, embedding.shape[-1], classes, keras.Model(model.input, flat))


class EnsembleTeacher(_FixedTeacher):
    """Several teachers as one.

    Its embedding is the embeddings of all, each of length 1, side by side: the cosine of two images
    is the mean of their cosines. Its logits are the mean, where all have them of the same number.

    Args:
        members: `FileTeacher`s. Its images have the size of the first one's.
    """

    def __init__(self, members):
        self.members = members
        classes = {member.classes for member in members}
        classes = classes.pop() if len(classes) == 1 else 0

        def rows(images):
            found = [member.cut(member.flat(_resized(images, member.size))) for member in members]
            parts = [keras.layers.UnitNormalization()(embedding) for embedding, _ in found]
            if classes:
                parts.append(keras.layers.Average()([logits for _, logits in found]))
            return keras.layers.Concatenate(dtype="float32")(parts)

        dim = sum(member.dim for member in members)
        super().__init__(members[0].size, dim, classes, rows)


def _resized(images, size):
    """Images `(batch, height, width, 3)`, bilinear, of a teacher's size."""
    same = tuple(images.shape[1:3]) == size
    return images if same else keras.ops.image.resize(images, size)


class AverageTeacher:
    """A model with the moving average of its weights in place of its own ("mean teacher").

    Args:
        model: The model that is trained, with the outputs "distilled" and perhaps "logits".
        average: `MovingAverage` of all its variables.

    Reference: Tarvainen and Valpola 2017 (arXiv 1703.01780), section 2.
    """

    def __init__(self, model, average):
        self._model = model
        self._average = average

    def __call__(self, images):
        """Its outputs for a batch, as in inference: a dict of tensors."""
        values = [tf.convert_to_tensor(average) for average in self._average.averages]
        pairs = list(zip(self._model.variables, values, strict=True))
        with keras.StatelessScope(state_mapping=pairs):
            outputs = self._model(images, training=False)
        found = {"embedding": outputs["distilled"]}
        return {**found, "logits": outputs["logits"]} if "logits" in outputs else found
