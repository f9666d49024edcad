"""Which entry of a public state dict is which variable of the Keras model.

Everything follows from the preset, the feature dimension and the number of classes: the keys of
the public PyTorch code in its own order, their shapes, and beside each the path of the Keras
variable and how the array lies there. Source: `torchreid/models/osnet.py` and `osnet_ain.py` of
github.com/KaiyangZhou/deep-person-reid.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from osnet_tf.architecture import Architecture
from osnet_tf.errors import ArgumentError


class Entry(NamedTuple):
    """One entry of the public state dict.

    Attributes:
        key: its name in the state dict.
        shape: its shape there.
        path: the path of the Keras variable; None if there is none, because nothing needs it.
        layout: how the array lies in PyTorch, a key of `LAYOUTS`.
    """

    key: str
    shape: tuple[int, ...]
    path: str | None
    layout: str


# PyTorch -> Keras and back, for each layout.
LAYOUTS = {
    "same": (lambda a: a, lambda a: a),
    # (out, in, h, w) <-> (h, w, in, out)
    "convolution": (lambda a: a.transpose(2, 3, 1, 0), lambda a: a.transpose(3, 2, 0, 1)),
    # (channels, 1, h, w) <-> (h, w, channels, 1)
    "depthwise": (lambda a: a.transpose(2, 3, 0, 1), lambda a: a.transpose(2, 3, 0, 1)),
    # 1x1 convolution (out, in, 1, 1) <-> Dense (in, out)
    "pointwise to dense": (lambda a: a[:, :, 0, 0].T, lambda a: a.T[:, :, None, None]),
    # Linear (out, in) <-> Dense (in, out)
    "linear": (lambda a: a.T, lambda a: a.T),
}


def entries(architecture: Architecture, num_classes: int | None = None) -> list[Entry]:
    """The state dict of the public code for an architecture, in its own order.

    Args:
        architecture: a public one: its blocks are the paper's.
        num_classes: outputs of the classifier; without, its two entries are left out.

    Returns:
        A list of `Entry`. `num_batches_tracked`, which only PyTorch has, stands there with no
        path: reading ignores it, writing puts 0.

    Raises:
        ArgumentError: the public code has no such architecture.

    Example:

    >>> table = entries(Architecture("osnet_x0_25"), num_classes=751)
    >>> len(table)
    567
    >>> table[0][:3]
    ('conv1.conv.weight', (16, 3, 7, 7), 'conv1/conv/kernel')
    >>> table[-1].key, table[-1].path
    ('classifier.bias', 'classifier/bias')
    """
    if not architecture.is_public:
        raise ArgumentError(
            "The public PyTorch code has the paper's blocks, pooling and embedding only. "
            f"Received: architecture={str(architecture)!r}"
        )
    return list(_entries(architecture, num_classes))


def _entries(architecture: Architecture, num_classes: int | None) -> Iterator[Entry]:
    ain = architecture.preset.startswith("osnet_ain")
    feature_dim = architecture.feature_dim
    stem, *stages = architecture.widths
    yield from _conv_norm("conv1", "conv1", (stem, 3, 7, 7), architecture.stem_norm)
    channels = stem
    for stage, width in enumerate(stages, start=2):
        for block, norm in enumerate(architecture.instance_norms[stage - 2]):
            yield from _block(
                f"conv{stage}.{block}", f"conv{stage}_{block}", channels, width, norm, ain
            )
            channels = width
        if stage < 4:
            key = f"pool{stage}.0" if ain else f"conv{stage}.2.0"
            yield from _conv_norm(key, f"conv{stage}_transition", (width, width, 1, 1))
    yield from _conv_norm("conv5", "conv5", (channels, channels, 1, 1))
    yield from _linear("fc.0", "fc", feature_dim, channels)
    yield from _norm("fc.1", "fc_norm", feature_dim)
    if num_classes is not None:
        yield from _linear("classifier", "classifier", num_classes, feature_dim)


def _block(
    key: str, path: str, channels: int, width: int, instance_norm: str | None, ain: bool
) -> Iterator[Entry]:
    middle = width // 4
    yield from _conv_norm(f"{key}.conv1", f"{path}/conv1", (middle, channels, 1, 1))
    for depth in range(1, 5):
        for i in range(depth):
            if ain:
                lite = f"{key}.conv2.{depth - 1}.layers.{i}"
            else:
                lite = f"{key}.conv2{'abcd'[depth - 1]}" + (f".{i}" if depth > 1 else "")
            stream = f"{path}/stream{depth}_{i}"
            yield Entry(
                f"{lite}.conv1.weight",
                (middle, middle, 1, 1),
                f"{stream}/pointwise/kernel",
                "convolution",
            )
            yield Entry(
                f"{lite}.conv2.weight",
                (middle, 1, 3, 3),
                f"{stream}/depthwise/kernel",
                "depthwise",
            )
            yield from _norm(f"{lite}.bn", f"{stream}/norm", middle)
    hidden = middle // 16
    for layer, outputs, inputs in (("fc1", hidden, middle), ("fc2", middle, hidden)):
        yield Entry(
            f"{key}.gate.{layer}.weight",
            (outputs, inputs, 1, 1),
            f"{path}/gate/{layer}/kernel",
            "pointwise to dense",
        )
        yield Entry(f"{key}.gate.{layer}.bias", (outputs,), f"{path}/gate/{layer}/bias", "same")
    norm = None if instance_norm == "residual" else "batch"
    yield from _conv_norm(f"{key}.conv3", f"{path}/conv3", (width, middle, 1, 1), norm)
    if channels != width:
        yield from _conv_norm(f"{key}.downsample", f"{path}/downsample", (width, channels, 1, 1))
    if instance_norm is not None:
        yield from _norm(f"{key}.IN", f"{path}/instance_norm", width, "instance")


def _conv_norm(
    key: str, path: str, shape: tuple[int, ...], norm: str | None = "batch"
) -> Iterator[Entry]:
    yield Entry(f"{key}.conv.weight", shape, f"{path}/conv/kernel", "convolution")
    if norm is not None:
        yield from _norm(f"{key}.bn", f"{path}/norm", shape[0], norm)


def _norm(key: str, path: str, channels: int, kind: str = "batch") -> Iterator[Entry]:
    names = {"weight": "gamma", "bias": "beta"}
    if kind == "batch":
        names |= {"running_mean": "moving_mean", "running_var": "moving_variance"}
    for torch_name, keras_name in names.items():
        yield Entry(f"{key}.{torch_name}", (channels,), f"{path}/{keras_name}", "same")
    if kind == "batch":
        yield Entry(f"{key}.num_batches_tracked", (), None, "same")


def _linear(key: str, path: str, outputs: int, inputs: int) -> Iterator[Entry]:
    yield Entry(f"{key}.weight", (outputs, inputs), f"{path}/kernel", "linear")
    yield Entry(f"{key}.bias", (outputs,), f"{path}/bias", "same")


def differences(
    what: str,
    found: Mapping[str, tuple[int, ...]],
    expected: Mapping[str, tuple[int, ...]],
) -> list[str]:
    """Says which names are missing, unknown, or of another shape; empty if all is well."""
    missing = [name for name in expected if name not in found]
    unknown = [name for name in found if name not in expected]
    shapes = [
        f"{name} is {found[name]}, not {shape}"
        for name, shape in expected.items()
        if name in found and found[name] != shape
    ]
    problems = [
        (f"missing {what}: ", missing),
        (f"unknown {what}: ", unknown),
        ("shapes: ", shapes),
    ]
    return [text + listed(names) for text, names in problems if names]


def listed(names) -> str:
    """The first names of many, quoted as they stand.

    >>> listed(f"conv{i}" for i in range(20))
    'conv0, conv1, conv2, conv3, conv4, conv5, conv6, conv7 and 12 more'
    """
    names = [name if str(name).isprintable() else ascii(name) for name in names]
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return (", ".join(names[:8]) or "nothing") + more
