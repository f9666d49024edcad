"""The network and its block, drawn from a model: what the explanation pages show."""

import math

from osnet_tf.errors import ArgumentError
from osnet_tf.visualize.figure import figure_file

_BLUE, _GREEN, _ORANGE, _GREY = "#4c78a8", "#54a24b", "#f58518", "#bbbbbb"


def draw_network(model, path):
    """Draws a model's stages: the size of what each gives, and where its cost lies.

    Args:
        model: A model as `osnet_tf.OSNet` returns, of a fixed input size.
        path: The new picture, `.png` or `.svg`.

    Returns:
        A list of a row for each stage: `(name, output shape without the batch, trainable
        parameters, multiply-adds)`.

    Raises ArgumentError for another model, or one of open size.

    >>> import pathlib, tempfile
    >>> from osnet_tf import OSNet
    >>> model = OSNet("osnet_x0_25", input_shape=(64, 32, 3), streams=1)
    >>> rows = draw_network(model, pathlib.Path(tempfile.mkdtemp(), "network.svg"))
    >>> rows[0][:2]
    ('stem', (16, 8, 16))
    """
    rows = _stages(model)
    names = [f"{name}\n{' x '.join(map(str, shape))}" for name, shape, *_ in rows]
    places = range(len(rows))
    with figure_file(path, columns=2, width=5.0, height=0.34 * len(rows) + 1.2) as [left, right]:
        for axes, column, color, unit, title in (
            (left, 2, _BLUE, 1e3, "thousand parameters"),
            (right, 3, _GREEN, 1e6, "million multiply-adds"),
        ):
            values = [row[column] / unit for row in rows]
            bars = axes.barh(places, values, color=color)
            axes.bar_label(bars, fmt="{:,.1f}", padding=2, fontsize=7)
            axes.set_xlim(0, max(values) * 1.18 or 1)
            axes.set_xlabel(title, fontsize=8)
            axes.tick_params(labelsize=7)
            axes.invert_yaxis()
            axes.set_yticks(list(places), names if axes is left else [])
            axes.spines[["top", "right"]].set_visible(False)
    return rows


def draw_block(block, path):
    """Draws an omni-scale block: its streams of Lite 3x3 layers and the gate that they share.

    Args:
        block: A built `osnet_tf.OSBlock`.
        path: The new picture, `.png` or `.svg`.

    Returns:
        The receptive field of each stream in pixels of its input: `[3, 5, 7, 9]` for four.

    Raises ArgumentError for anything else.

    >>> import pathlib, tempfile
    >>> from osnet_tf import OSBlock
    >>> block = OSBlock(64)
    >>> block.build((None, 16, 8, 16))
    >>> draw_block(block, pathlib.Path(tempfile.mkdtemp(), "block.svg"))
    [3, 5, 7, 9]
    """
    from osnet_tf.layers import OSBlock

    if not isinstance(block, OSBlock) or not block.built:
        raise ArgumentError(f"`block` must be a built OSBlock. Received: {block!r}")
    middle = block.filters // block.bottleneck_reduction
    fields = [2 * len(stream) + 1 for stream in block.streams]
    count, deepest = len(fields), max(len(stream) for stream in block.streams)
    right = (count - 1) * 1.6
    centre = right / 2
    with figure_file(path, width=1.3 * count + 1.6, height=0.45 * deepest + 3.4) as [axes]:
        top = deepest + 3.2
        _box(axes, centre, top + 1, "input", "white")
        _arrow(axes, (centre, top + 0.7), (centre, top + 0.3))
        _box(axes, centre, top, f"1x1, {middle}", _GREY)
        for place, (stream, field) in enumerate(zip(block.streams, fields, strict=True)):
            x = place * 1.6
            _arrow(axes, (centre, top - 0.3), (x, top - 0.9))
            for layer in range(len(stream)):
                _box(axes, x, top - 1.2 - layer, "Lite 3x3", _BLUE)
                if layer:
                    _arrow(axes, (x, top - 0.5 - layer), (x, top - 0.9 - layer))
            axes.text(x + 0.05, 1.42, f"{field} x {field}", ha="left", fontsize=7)
            _arrow(axes, (x, top - 1.5 - len(stream) + 1), (x, 1.2))
        axes.add_patch(_rounded(centre, 0.9, right + 1.3, 0.55, _ORANGE))
        gates = {
            "shared": "one channel gate for all streams",
            "separate": "a channel gate for each stream",
            "none": "no gate",
        }.get(block.gate_kind, f"{block.gate_kind} gate")
        axes.text(centre, 0.9, gates, ha="center", va="center", fontsize=8)
        _arrow(axes, (centre, 0.6), (centre, 0.1))
        _box(axes, centre, -0.2, f"sum, 1x1, {block.filters}", _GREY, width=2.4)
        _arrow(axes, (centre, -0.5), (centre, -0.9))
        _box(axes, centre, -1.2, "+ input, ReLU", _GREY, width=2.4)
        side = right + 1.1
        axes.plot(
            [centre + 0.65, side, side, centre + 1.2],
            [top + 1, top + 1, -1.2, -1.2],
            color="black",
            lw=0.8,
        )
        axes.set_xlim(-1.0, side + 0.2)
        axes.set_ylim(-1.7, top + 1.5)
        axes.axis("off")
    return fields


def _stages(model):
    import keras

    from osnet_tf.complexity import count_multiply_adds

    ends = {
        "conv1": "stem",
        "maxpool": "stem",
        "conv2_pool": "stage 2",
        "conv3_pool": "stage 3",
        "conv4_1": "stage 4",
        "conv5": "conv5",
        "embedding": "fc",
    }
    found = {name: layer for layer in model.layers for name in ends if layer.name == name}
    if "conv5" not in found:
        raise ArgumentError(f"`model` must be an OSNet. Received: {model.name!r}")
    if "maxpool" in found:
        found.pop("conv1", None)
    rows, parameters, operations = [], 0, 0
    for name, layer in found.items():
        part = keras.Model(model.input, layer.output)
        total = sum(math.prod(w.shape) for w in part.trainable_weights)
        work = count_multiply_adds(part)
        shape = tuple(int(size) for size in layer.output.shape[1:])
        rows.append((ends[name], shape, total - parameters, work - operations))
        parameters, operations = total, work
    return rows


def _rounded(x, y, width, height, color):
    from matplotlib.patches import FancyBboxPatch

    return FancyBboxPatch(
        (x - width / 2, y - height / 2),
        width,
        height,
        boxstyle="round,pad=0.02,rounding_size=0.08",
        facecolor=color,
        edgecolor="black",
        alpha=0.75,
        lw=0.6,
    )


def _box(axes, x, y, text, color, width=1.3):
    axes.add_patch(_rounded(x, y, width, 0.58, color))
    axes.text(x, y, text, ha="center", va="center", fontsize=8)


def _arrow(axes, start, end):
    axes.annotate("", end, start, arrowprops={"arrowstyle": "->", "lw": 0.8})
