"""Export to a SavedModel."""

import keras
import tensorflow as tf

from osnet_tf.models import model_size


def export_saved_model(embedder, directory):
    """Writes a SavedModel with the signature `serving_default`.

    The signature takes `images`, uint8 RGB `(batch, height, width, 3)` of the model's size, any
    batch size, and gives `embeddings`, float32 `(batch, feature_dim)`, not normalised. The image
    normalisation is part of the graph.

    Args:
        embedder: A model as `osnet_tf.OSNet` returns, of a fixed input size.
        directory: Where to write; made if need be.

    Returns:
        `directory` as a string.

    Raises ValueError if the model takes images of any size.

    >>> import tempfile
    >>> from osnet_tf import OSNet
    >>> model = OSNet("osnet_x0_25", input_shape=(64, 32, 3))
    >>> serve = tf.saved_model.load(export_saved_model(model, tempfile.mkdtemp()))
    >>> images = tf.zeros((2, 64, 32, 3), tf.uint8)
    >>> tuple(serve.signatures["serving_default"](images=images)["embeddings"].shape)
    (2, 512)
    """
    export_with_batch(embedder, directory, batch_size=None)
    return str(directory)


def export_with_batch(embedder, directory, batch_size):
    """As `export_saved_model`, with a fixed batch size, or None for any."""
    size = model_size(embedder)
    archive = keras.export.ExportArchive()
    archive.track(embedder)
    archive.add_endpoint(
        "serving_default",
        lambda images: {"embeddings": embedder(tf.cast(images, tf.float32), training=False)},
        input_signature=[tf.TensorSpec((batch_size, *size, 3), tf.uint8, name="images")],
    )
    archive.write_out(str(directory), verbose=False)
