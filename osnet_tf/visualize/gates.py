"""What the aggregation gates of an OSNet open for each image."""

import keras
import numpy as np

from osnet_tf.checks import check_choice
from osnet_tf.errors import ArgumentError
from osnet_tf.layers import OSBlock

_BATCH = 64


def gated_blocks(model):
    """Names of a model's omni-scale blocks that have gates, in their order.

    Raises ArgumentError if there are none.

    >>> from osnet_tf import OSNet
    >>> gated_blocks(OSNet("osnet_x0_25", input_shape=(64, 32, 3), streams=2))
    ['conv2_0', 'conv2_1', 'conv3_0', 'conv3_1', 'conv4_0', 'conv4_1']
    """
    blocks = [layer for layer in model.layers if isinstance(layer, OSBlock)]
    names = [block.name for block in blocks if block.gate_kind not in ("none", "concat")]
    if not names:
        raise ArgumentError(f"The model {model.name!r} has no block with gates")
    return names


def gate_values(model, images, block="conv4_1"):
    """The gates of a block's streams for some images.

    Stream t sees `2t + 1` pixels of the block's input in each direction, and every stream asks the
    one shared gate about its own output: so a value near 1 says that this image uses this scale.

    Args:
        model: A model as `osnet_tf.OSNet` returns.
        images: uint8 or float `(n, height, width, 3)` of 0..255, of the model's size; or an
            iterable of such batches.
        block: Name of a block, "conv2_0" to "conv4_1"; the last one is the paper's.

    Returns:
        float32 `(n, T, gates)` in (0, 1): a gate for each channel of a stream; a single one for
        all channels with the ablation gate="scalar".

    Raises ArgumentError for an unknown block, or one without gates.

    Reference: arXiv 1905.00953, equation 3, and section 4.5 for what the gates learn.

    >>> from osnet_tf import OSNet
    >>> model = OSNet("osnet_x0_25", input_shape=(64, 32, 3))
    >>> gate_values(model, np.zeros((2, 64, 32, 3), "uint8")).shape
    (2, 4, 32)
    """
    return all_gate_values(model, images, [block])[block]


def all_gate_values(model, images, blocks=None):
    """As `gate_values`, of several blocks in one pass.

    Args:
        model, images: As for `gate_values`.
        blocks: Their names; all that have gates by default.

    Returns:
        Dict from a block's name to its values.
    """
    known = gated_blocks(model)
    blocks = known if blocks is None else list(blocks)
    for block in blocks:
        check_choice(known, block=block)
    layers = [model.get_layer(name) for name in blocks]
    before = keras.Model(model.input, {layer.name: layer.input for layer in layers})
    found = {name: [] for name in blocks}
    for batch in _batches(images):
        inputs = before(batch, training=False)
        for layer in layers:
            values = layer.gate_values(inputs[layer.name])
            found[layer.name].append(keras.ops.convert_to_numpy(values))
    return {name: np.concatenate(parts).astype(np.float32) for name, parts in found.items()}


def _batches(images):
    if not hasattr(images, "shape"):
        yield from images
        return
    for start in range(0, max(len(images), 1), _BATCH):
        yield images[start : start + _BATCH]
