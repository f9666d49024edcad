"""The layers once more, in NumPy and float64: loops and einsum, nothing of Keras.

Functions take the weights of a built layer through its attributes and return float64 arrays.
"""

import numpy as np


def weight(variable):
    return np.asarray(variable, "float64")


def relu(x):
    return np.maximum(x, 0.0)


def conv(x, kernel, strides=1, pad=0):
    """(B, H, W, I) and (kh, kw, I, O): cross-correlation with zeros outside, tap by tap."""
    return _taps(x, kernel, strides, pad, "bhwi,io->bhwo", kernel.shape[-1])


def depthwise(x, kernel):
    """(B, H, W, C) and (3, 3, C, 1): every channel by itself, one pixel of zeros outside."""
    return _taps(x, kernel[..., 0], 1, 1, "bhwc,c->bhwc", x.shape[-1])


def _taps(x, kernel, strides, pad, product, channels):
    x = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    height = (x.shape[1] - kernel.shape[0]) // strides + 1
    width = (x.shape[2] - kernel.shape[1]) // strides + 1
    total = np.zeros((len(x), height, width, channels))
    for i in range(kernel.shape[0]):
        for j in range(kernel.shape[1]):
            seen = x[:, i : i + (height - 1) * strides + 1 : strides]
            seen = seen[:, :, j : j + (width - 1) * strides + 1 : strides]
            total += np.einsum(product, seen, kernel[i, j])
    return total


def normalise(x, mean, variance, layer, epsilon=1e-5):
    return (x - mean) / np.sqrt(variance + epsilon) * weight(layer.gamma) + weight(layer.beta)


def batch_norm(x, layer, training=False):
    if not training:
        return normalise(x, weight(layer.moving_mean), weight(layer.moving_variance), layer)
    axes = tuple(range(x.ndim - 1))
    return normalise(x, x.mean(axes), x.var(axes), layer)


def instance_norm(x, layer):
    return normalise(x, x.mean((1, 2), keepdims=True), x.var((1, 2), keepdims=True), layer)


def conv_norm(x, layer, training=False):
    kernel = weight(layer.conv.kernel)
    x = conv(x, kernel, layer.strides, (kernel.shape[0] - 1) // 2)
    if layer.norm_kind == "batch":
        x = batch_norm(x, layer.norm, training)
    elif layer.norm_kind == "instance":
        x = instance_norm(x, layer.norm)
    return relu(x) if layer.activation == "relu" else x


def light_conv(x, layer, training=False):
    x = conv(x, weight(layer.pointwise.kernel))
    x = depthwise(x, weight(layer.depthwise.kernel))
    return relu(batch_norm(x, layer.norm, training))


def gates(x, layer):
    """(B, gates): pool, hidden layer, layer norm if any, ReLU, gate layer, its activation."""
    hidden = x.mean((1, 2)) @ weight(layer.fc1.kernel) + weight(layer.fc1.bias)
    if layer.norm1 is not None:
        mean = hidden.mean(1, keepdims=True)
        variance = hidden.var(1, keepdims=True)
        hidden = normalise(hidden, mean, variance, layer.norm1)
    raw = relu(hidden) @ weight(layer.fc2.kernel) + weight(layer.fc2.bias)
    if layer.gate_activation == "sigmoid":
        return 1.0 / (1.0 + np.exp(-raw))
    return relu(raw) if layer.gate_activation == "relu" else raw


def channel_gate(x, layer):
    g = gates(x, layer)[:, None, None, :]
    return g if layer.return_gates else g * x


def os_block(x, block, training=False):
    reduced = conv_norm(x, block.conv1, training)
    total = 0.0
    for stream in block.streams:
        y = reduced
        for layer in stream:
            y = light_conv(y, layer, training)
        total = total + channel_gate(y, block.gate)
    y = conv_norm(total, block.conv3, training)
    if block.instance_norm_place == "residual":
        y = instance_norm(y, block.instance_norm)
    y = y + (x if block.downsample is None else conv_norm(x, block.downsample, training))
    if block.instance_norm_place == "output":
        y = instance_norm(y, block.instance_norm)
    return relu(y)
