"""Export to a SavedModel, for TensorFlow Serving and every program with TensorFlow."""

import shutil
import tempfile
from pathlib import Path

import tensorflow as tf

from osnet_tf.data.decoding import decode
from osnet_tf.export.frozen import INPUT_NAME, OUTPUT_NAME, freeze, named_function
from osnet_tf.models import model_size
from osnet_tf.preprocessing import resize

SIGNATURES = ("serving_default", "serve_images", "serve_jpeg")


def export_saved_model(embedder, directory, *, frozen=None):
    """Writes a SavedModel with three signatures; each gives `embeddings`, float32 `(batch, dim)`.

    - `serving_default`: `images`, uint8 RGB `(batch, height, width, 3)` of the model's size;
    - `serve_images`: `images`, uint8 RGB `(batch, any, any, 3)`, resized in the graph by
      `osnet_tf.preprocessing.resize`;
    - `serve_jpeg`: `image_bytes`, strings `(batch,)`, each the bytes of a JPEG, PNG or BMP file of
      any size.

    The batch may have any size, 0 too. The image normalisation is part of the graph, and the three
    agree with `osnet_tf.embed` on the same images. The graph holds the weights as constants and
    runs without this package.

    Args:
        embedder: A model as `osnet_tf.OSNet` returns, of a fixed input size.
        directory: Where to write; made if need be. What lies there is replaced.
        frozen: What `osnet_tf.export.frozen.freeze` returned for the model, if it is at hand.

    Returns:
        `directory` as a string.

    Raises ValueError if the model takes images of any size.

    >>> import tempfile
    >>> from osnet_tf import OSNet
    >>> model = OSNet("osnet_x0_25", input_shape=(64, 32, 3))
    >>> serve = tf.saved_model.load(export_saved_model(model, tempfile.mkdtemp())).signatures
    >>> images = tf.zeros((2, 80, 30, 3), tf.uint8)
    >>> tuple(serve["serve_images"](images=images)["embeddings"].shape)
    (2, 512)
    """
    size = model_size(embedder)
    model = named_function(frozen or freeze(embedder))

    @_bearing_no_images
    def serving_default(images):
        return model(images)[OUTPUT_NAME]

    @_bearing_no_images
    def serve_images(images):
        return model(resize(images, size))[OUTPUT_NAME]

    def serve_jpeg(image_bytes):
        return serving_default(
            tf.map_fn(
                lambda contents: resize(decode(contents), size),
                image_bytes,
                fn_output_signature=tf.TensorSpec((*size, 3), tf.uint8),
            )
        )

    signatures = {
        "serving_default": (serving_default, (None, *size, 3), tf.uint8, INPUT_NAME),
        "serve_images": (serve_images, (None, None, None, 3), tf.uint8, INPUT_NAME),
        "serve_jpeg": (serve_jpeg, (None,), tf.string, "image_bytes"),
    }
    module = tf.Module()
    for name, (function, shape, dtype, argument) in signatures.items():
        signature = [tf.TensorSpec(shape, dtype, name=argument)]
        setattr(module, name, tf.function(function, input_signature=signature, autograph=False))
    _save(module, directory, {name: getattr(module, name) for name in SIGNATURES})
    return str(directory)


def _bearing_no_images(embed):
    """An endpoint of `embed` that takes an empty batch too.

    Neither batch norm nor resizing does: one black image stands in for it and is cut off.
    """

    def endpoint(images):
        number = tf.shape(images)[0]
        missing = tf.cast(tf.equal(number, 0), tf.int32)
        images = tf.pad(images, [[0, missing], [0, 0], [0, 0], [0, 0]])
        return {OUTPUT_NAME: embed(images)[:number]}

    return endpoint


def _save(module, directory, signatures):
    """Writes beside `directory` first, so that it is there as a whole or not at all."""
    directory = Path(directory)
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".saved_model-") as folder:
        new = Path(folder) / "new"
        tf.saved_model.save(module, str(new), signatures=signatures)
        if directory.exists():
            directory.rename(Path(folder) / "old")
        shutil.move(new, directory)
