"""The model of a gallery: what it is called, and what it makes of images.

Keras is loaded with the first model, not with this module: a gallery of embeddings that come from
elsewhere needs none.
"""

import os
from pathlib import Path

import numpy as np

from osnet_tf.errors import ArgumentError
from osnet_tf.metrics import calibration_path

#: The largest false-positive rate of a threshold that a gallery takes by itself.
_FPR = 1e-3


class Embedder:
    """A model that embeds images for a gallery.

    Args:
        model: A `.keras` file of an embedder, or a Keras model of a fixed input size.

    Attributes:
        model: The Keras model.
        path: Its file; None if it was given as a model.
        fingerprint: `osnet_tf.architecture.fingerprint` of it.
        dim: Values of an embedding.
    """

    def __init__(self, model):
        from osnet_tf.architecture import fingerprint
        from osnet_tf.weights import load_embedder

        self.path = model if isinstance(model, str | os.PathLike) else None
        self.model = model if self.path is None else load_embedder(model)
        self.fingerprint = fingerprint(self.model)
        self.dim = int(self.model.output_shape[-1])

    def of_files(self, paths, batch_size, progress=None):
        """`osnet_tf.embedding.Embeddings` of image files; those that cannot be read are told."""
        from osnet_tf.embedding import embed

        options = {"batch_size": batch_size, "progress": progress}
        return embed(self.model, paths, on_error="skip", **options)

    def of_image(self, image):
        """float32 `(dim,)` of one image: a file, a `PIL.Image.Image` or an array of pixels.

        Raises ImageError or ArgumentError, as `osnet_tf.embed`.
        """
        from osnet_tf.embedding import embed

        if isinstance(image, str | os.PathLike):
            return embed(self.model, [image]).embeddings[0]
        return embed(self.model, [image])[0]

    def measured_threshold(self, metric):
        """The threshold that an evaluation has measured with this model; None if there is not one.

        It is that of the largest false-positive rate up to 1e-3, from the file beside the model's.
        Where several datasets have one, nothing tells which is like the gallery: None.
        """
        from osnet_tf.evaluation.thresholds import calibrations_of

        if self.path is None:
            return None
        known = calibrations_of(self.model, calibration_path(Path(self.path)))
        fitting = [one for one in known if one.metric == metric and one.fpr <= _FPR]
        if len({one.dataset for one in fitting}) != 1:
            return None
        return max(fitting, key=lambda one: one.fpr).threshold


def is_image(query):
    """Whether a query is an image rather than an embedding, which has one axis.

    >>> is_image("crop.jpg"), is_image(np.zeros((64, 32, 3), "uint8")), is_image(np.zeros(512))
    (True, True, False)
    """
    if isinstance(query, str | os.PathLike):
        return True
    if hasattr(query, "getbands"):  # a Pillow image
        return True
    return np.ndim(query) == 3


def require(embedder):
    """The embedder; raises ArgumentError if there is none."""
    if embedder is None:
        raise ArgumentError("Images need a model: open the gallery with one", argument="model")
    return embedder
