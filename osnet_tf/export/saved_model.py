"""Export to a SavedModel, for TensorFlow Serving and every program with TensorFlow."""

import os
from pathlib import Path
from typing import Any

import tensorflow as tf

from osnet_tf.data.decoding import decode
from osnet_tf.export.formats import Format
from osnet_tf.export.frozen import INPUT_NAME, OUTPUT_NAME, SIGNATURE, Frozen, freeze, save_module
from osnet_tf.export.graph_folding import folded
from osnet_tf.files import whole_folder
from osnet_tf.preprocessing import resize
from osnet_tf.types import PathLike

SIGNATURES = (SIGNATURE, "serve_images", "serve_jpeg")


def export_saved_model(model: Any | Frozen, directory: PathLike) -> str:
    """Writes a SavedModel with five signatures; each gives `embeddings`, float32 `(batch, dim)`.

    - `serving_default`: `images`, uint8 RGB `(batch, height, width, 3)` of the model's size; any
      other size is refused; `serve` is the same, for `keras.layers.TFSMLayer(directory)`;
    - `serve_images`: `images`, uint8 RGB `(batch, any, any, 3)`, resized in the graph by
      `osnet_tf.preprocessing.resize`;
    - `serve_jpeg`: `image_bytes`, strings `(batch,)`, each the bytes of a JPEG, PNG or BMP file of
      any size;
    - `convert`: `images`, float32 RGB 0..255 `(batch, height, width, 3)`, a batch of 1 at least,
      for converters to other formats (Core ML, TensorFlow.js): no operator but the network's.

    But for `convert` the batch may have any size, 0 too. The image normalisation is part of the
    graph, and they agree with `osnet_tf.embed` on the same images. The graph holds the weights as
    constants, batch norms folded into them, and runs without this package.

    Args:
        model: A model as `osnet_tf.OSNet` returns, of a fixed input size, or `freeze` of one.
        directory: Where to write; its parents are made if need be, and nothing may lie there.

    Returns:
        `directory` as a string.

    Raises:
        ArgumentError: the model takes images of any size.
        WriteError: something lies there already, or it cannot be written.

    >>> import pathlib, tempfile
    >>> from osnet_tf import OSNet
    >>> model = OSNet("osnet_x0_25", input_shape=(64, 32, 3), streams=1)
    >>> directory = export_saved_model(model, pathlib.Path(tempfile.mkdtemp(), "1"))
    >>> serve = tf.saved_model.load(directory).signatures
    >>> images = tf.zeros((2, 80, 30, 3), tf.uint8)
    >>> tuple(serve["serve_images"](images=images)["embeddings"].shape)
    (2, 512)
    """
    frozen, directory = freeze(model), Path(directory)
    directory.parent.mkdir(parents=True, exist_ok=True)
    module = _endpoints(frozen)
    signatures = {name: getattr(module, name) for name in SIGNATURES}
    with whole_folder(directory) as new:
        plain = {"serve": module.serving_default, "convert": module.convert}
        save_module(module, new, {**signatures, **plain})
    return str(directory)


def _endpoints(frozen):
    """A module with a `tf.function` for each signature."""
    size, embed = frozen.size, folded(frozen).named_function(floats=True)

    def serving_default(images):
        # Neither batch norm nor resizing takes an empty batch: one black image stands in for it.
        # Joining it (or none) to the images refuses any other height and width by itself. All of
        # it in floats: some converters of other programs know no constants of uint8.
        number = tf.shape(images)[0]
        missing = tf.cast(tf.equal(number, 0), tf.int32)
        black = tf.zeros(tf.stack([missing, *size, 3]), tf.float32)
        pixels = tf.concat([tf.cast(images, tf.float32), black], 0)
        return {OUTPUT_NAME: embed(pixels)[OUTPUT_NAME][:number]}

    def serve_images(images):
        missing = tf.cast(tf.equal(tf.shape(images)[0], 0), tf.int32)
        one_at_least = tf.pad(images, [[0, missing], [0, 0], [0, 0], [0, 0]])
        return serving_default(resize(one_at_least, size)[: tf.shape(images)[0]])

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
    module.convert = embed
    for name, (function, shape, dtype, argument) in signatures.items():
        signature = [tf.TensorSpec(shape, dtype, name=argument)]
        setattr(module, name, tf.function(function, input_signature=signature, autograph=False))
    return module


def open_saved_model(path, num_threads=1):
    """Opens a SavedModel: a function from uint8 images to float32 embeddings.

    TensorFlow has one number of threads for the whole process, so `num_threads` changes nothing.
    """
    model = tf.saved_model.load(os.fspath(path))
    serve = model.signatures[SIGNATURE]

    def run(images, _keep=model):
        return serve(**{INPUT_NAME: tf.constant(images)})[OUTPUT_NAME].numpy()

    return run


FORMAT = Format(
    write=lambda frozen, path, artefact, crops: export_saved_model(frozen, path),
    open=open_saved_model,
)
