"""Where an OSNet looks: activation maps, and what two images have in common."""

import keras
import numpy as np
import tensorflow as tf

from osnet_tf.errors import ArgumentError

_LAYER = "conv5"  # its output is the last feature map
_BATCH = 32


def activation_maps(model, images):
    """Where the last feature map is active: the sum of its squares over the channels.

    Args:
        model: A model as `osnet_tf.OSNet` returns.
        images: uint8 or float `(n, height, width, 3)` of 0..255, of the model's size.

    Returns:
        float32 `(n, h, w)` >= 0, the size of the last feature map (16 x 8 of 256 x 128); each map
        of Euclidean length 1, or zeros.

    Raises ArgumentError if the model has no feature map named "conv5".

    Source: the public code's tools/visualize_actmap.py.

    >>> from osnet_tf import OSNet
    >>> model = OSNet("osnet_x0_25", input_shape=(64, 32, 3), streams=1)
    >>> maps = activation_maps(model, np.full((1, 64, 32, 3), 90, "uint8"))
    >>> maps.shape, round(float((maps**2).sum()), 4)
    ((1, 4, 2), 1.0)
    """
    last = _last_map(model)
    features = keras.Model(model.input, last)
    found = [np.zeros((0, *last.shape[1:3]), np.float32)]
    for start in range(0, len(images), _BATCH):
        values = features(images[start : start + _BATCH], training=False).numpy()
        energy = (values.astype(np.float64) ** 2).sum(axis=-1)
        length = np.sqrt((energy**2).sum(axis=(1, 2), keepdims=True))
        found.append((energy / np.where(length > 0, length, 1)).astype(np.float32))
    return np.concatenate(found)


def similarity_maps(model, first, second):
    """Which parts make two images alike: Grad-CAM of the cosine of their embeddings.

    Each channel of an image's last feature map is weighted by the mean of the cosine's derivative
    over the map, and the channels are added. The embeddings' lengths are held fixed: a place counts
    for what it adds to the product of the two. So the mean of a map is the cosine itself, less what
    biases add to it, as long as no ReLU changes sides. What lowers the cosine is below zero;
    Grad-CAM shows what is above.

    Args:
        model: A model as `osnet_tf.OSNet` returns.
        first, second: uint8 or float `(n, height, width, 3)` of 0..255, of the model's size; image
            i of the one is compared with image i of the other.

    Returns:
        `(first_maps, second_maps, cosines)`: float32 `(n, h, w)` twice, the size of the last
        feature map, and float32 `(n,)`.

    Raises ArgumentError if the two are not as many, or the model has no feature map "conv5".

    Reference: Selvaraju et al., Grad-CAM (ICCV 2017, arXiv 1610.02391), equations 1 and 2, before
    its ReLU; for pairs: Stylianou et al., Visualizing Deep Similarity Networks (WACV 2019).

    >>> from osnet_tf import OSNet
    >>> model = OSNet("osnet_x0_25", input_shape=(64, 32, 3), streams=1)
    >>> images = np.full((1, 64, 32, 3), 90, "uint8")
    >>> one, other, cosine = similarity_maps(model, images, images)
    >>> one.shape, bool((one == other).all()), round(float(cosine[0]), 4)
    ((1, 4, 2), True, 1.0)
    """
    if len(first) != len(second):
        raise ArgumentError(
            f"Two images make a pair. Received: {len(first)} first and {len(second)} second images"
        )
    last = _last_map(model)
    both = keras.Model(model.input, [last, model.output])
    shape = (0, *last.shape[1:3])
    found = [(np.zeros(shape, np.float32), np.zeros(shape, np.float32), np.zeros(0, np.float32))]
    for start in range(0, len(first), _BATCH):
        part = slice(start, start + _BATCH)
        with tf.GradientTape() as tape:
            (a_map, a), (b_map, b) = (
                both(images[part], training=False) for images in (first, second)
            )
            lengths = tf.stop_gradient(tf.norm(a, axis=1) * tf.norm(b, axis=1))
            cosines = tf.reduce_sum(a * b, axis=1) / tf.maximum(lengths, 1e-12)
        gradients = tape.gradient(cosines, (a_map, b_map))
        maps = list(map(_weighted, (a_map, b_map), gradients))
        found.append((*maps, cosines.numpy()))
    return tuple(np.concatenate(parts) for parts in zip(*found, strict=True))


def _weighted(feature_map, gradient):
    """Channels times the sum of their derivatives: h*w times Grad-CAM's mean, so that the map's
    own mean is what the channels add."""
    weights = tf.reduce_sum(gradient, axis=(1, 2), keepdims=True)
    return tf.cast(tf.reduce_sum(weights * feature_map, axis=-1), tf.float32).numpy()


def _last_map(model):
    names = [layer.name for layer in model.layers]
    if _LAYER not in names:
        raise ArgumentError(
            f"The model {model.name!r} is no OSNet: it has no layer {_LAYER!r}. "
            f"Received: layers {', '.join(names[:6])}"
        )
    return model.get_layer(_LAYER).output
