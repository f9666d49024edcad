"""Pictures of gates: for each image, over a dataset, and images that use their scales alike."""

import warnings

import numpy as np

from osnet_tf.checks import check_int
from osnet_tf.errors import ArgumentError
from osnet_tf.visualize.figure import figure_file
from osnet_tf.visualize.people_map import require_scikit_learn

_TICKS = {"labelsize": 7}


def draw_gates(path, images, values, *, block=""):
    """Draws what the gates of a block open for each image: a row for each.

    In the middle every single gate, a line for each stream and a column for each channel, dark
    where shut; at the right the mean of each stream.

    Args:
        path: File to write; see `figure_file`.
        images: n uint8 arrays `(height, width, 3)`.
        values: float `(n, T, gates)`, as `osnet_tf.visualize.gates.gate_values` gives them.
        block: The block's name, for the title.

    Raises ArgumentError without an image, or if the two are not as many.
    """
    _check_as_many(images, values)
    fields = stream_names(values.shape[1])
    sizes = {"columns": 3, "rows": len(images), "width": 2.7, "height": 1.35}
    limits = _limits(values.mean(axis=2))
    with figure_file(path, **sizes, width_ratios=(1, 5, 2.4)) as axes:
        for row, (pixels, gates) in enumerate(zip(images, values, strict=True)):
            picture, strip, means = axes[3 * row : 3 * row + 3]
            picture.imshow(pixels)
            picture.set_axis_off()
            strip.imshow(gates, vmin=0, vmax=1, cmap="inferno", aspect="auto")
            strip.set_yticks(range(len(fields)), fields)
            strip.tick_params(**_TICKS)
            _draw_means(means, gates, fields, limits)
            if row < len(images) - 1:
                strip.set_xticks([])
                means.set_xticklabels([])
        axes[1].set_title(f"gates of {block}".strip(), fontsize=9)
        axes[2].set_title("mean of a stream", fontsize=9)
        axes[-2].set_xlabel("channel", fontsize=8)


def draw_gate_statistics(path, values):
    """Draws how the streams' mean gates vary over images: a panel for each block.

    A box holds the middle half of the images, its line the median; the whiskers reach from the 5th
    to the 95th percentile.

    Args:
        path: File to write; see `figure_file`.
        values: Dict from a block's name to float `(n, T, gates)`, n >= 1.
    """
    lowest, highest = zip(
        *(_whiskers(gates.mean(axis=2)) for gates in values.values()), strict=True
    )
    limits = _limits(np.array([min(lowest), max(highest)]))
    with figure_file(path, columns=len(values), width=2.4, height=3.2) as all_axes:
        for axes, (block, gates) in zip(all_axes, values.items(), strict=True):
            names = stream_names(gates.shape[1])
            axes.boxplot(gates.mean(axis=2), whis=(5, 95), showfliers=False, tick_labels=names)
            axes.set(ylim=limits, title=block)
            axes.tick_params(**_TICKS)
            axes.grid(alpha=0.3, axis="y")
        all_axes[0].set_ylabel("mean gate of a stream")
        all_axes[len(all_axes) // 2].set_xlabel("receptive field of the stream in its block")


def gate_statistics(values):
    """The gates of blocks over a dataset in numbers.

    Args:
        values: Dict from a block's name to float `(n, T, gates)`, n >= 1.

    Returns:
        A table, a dict of lists of one length: `block`, `stream` (from 1), `receptive_field` (of
        the stream in its block, pixels), `mean` of all its gates, `std_images` (how much the mean
        of a gate's stream differs from image to image), `std_channels` (how much a channel's mean
        over the images differs from channel to channel), and `shut` and `open`: the shares of
        gates below 0.1 and above 0.9.

    >>> table = gate_statistics({"conv2_0": np.array([[[0.25, 0.75]], [[0.5, 1.0]]])})
    >>> table["mean"], table["std_images"], table["std_channels"], table["open"]
    ([0.625], [0.125], [0.25], [0.25])
    """
    rows = []
    for block, gates in values.items():
        for t in range(gates.shape[1]):
            of_stream = gates[:, t].astype(np.float64)
            rows.append(
                {
                    "block": block,
                    "stream": t + 1,
                    "receptive_field": 2 * t + 3,
                    "mean": float(of_stream.mean()),
                    "std_images": float(of_stream.mean(axis=1).std()),
                    "std_channels": float(of_stream.mean(axis=0).std()),
                    "shut": float((of_stream < 0.1).mean()),
                    "open": float((of_stream > 0.9).mean()),
                }
            )
    return {name: [row[name] for row in rows] for name in rows[0]}


def gate_clusters(values, *, clusters=4, members=10, seed=0):
    """Images whose gates are alike: k-means of all gates of a block, and who is nearest the middle.

    Args:
        values: float `(n, T, gates)`.
        clusters: How many, 1 <= clusters <= n.
        members: Images of each that are named, >= 1; fewer where it is smaller.
        seed: int >= 0.

    Returns:
        `(chosen, middles)`: a list of int64 arrays of image numbers, each from the middle outwards,
        and float32 `(clusters, T, gates)`; the cluster of most images first. There are fewer
        clusters where fewer images differ.

    Raises:
        ArgumentError: a number out of its range.
        MissingPackageError: scikit-learn is not installed.

    Reference: arXiv 1905.00953, section 4.5, figure 5.
    """
    check_int(clusters=clusters, members=members)
    check_int(minimum=0, seed=seed)
    if clusters > len(values):
        raise ArgumentError(
            f"`clusters` must be <= the {len(values)} images. Received: clusters={clusters}",
            argument="clusters",
        )
    require_scikit_learn()
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    flat = values.reshape(len(values), -1).astype(np.float64)
    with warnings.catch_warnings():  # that fewer images differ than clusters were wanted
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = KMeans(clusters, n_init=10, random_state=seed).fit(flat)
    away = np.linalg.norm(flat - found.cluster_centers_[found.labels_], axis=1)
    sizes = np.bincount(found.labels_, minlength=clusters)
    order = np.argsort(-sizes, kind="stable")[: np.count_nonzero(sizes)]
    by_distance = np.argsort(away, kind="stable")
    chosen = [by_distance[found.labels_[by_distance] == one][:members] for one in order]
    middles = found.cluster_centers_[order].reshape(-1, *values.shape[1:])
    return chosen, middles.astype(np.float32)


def draw_gate_clusters(path, members, middles, *, block=""):
    """Draws clusters of images, a row for each, with the mean gates of the streams before it.

    Args:
        path: File to write; see `figure_file`.
        members: For each cluster a sequence of uint8 images, from the middle outwards.
        middles: float `(clusters, T, gates)`, as `gate_clusters` gives them.
        block: The block's name, for the title.
    """
    across = max(map(len, members))
    names = stream_names(middles.shape[1])
    limits = _limits(middles.mean(axis=2))
    sizes = {"columns": 1 + across, "rows": len(members), "width": 0.75, "height": 1.35}
    with figure_file(path, **sizes, width_ratios=(3, *[1] * across)) as axes:
        for row, (images, middle) in enumerate(zip(members, middles, strict=True)):
            means, *places = axes[row * (1 + across) : (row + 1) * (1 + across)]
            _draw_means(means, middle, names, limits)
            means.set_yticks(range(len(names)), names)
            for number, place in enumerate(places):
                place.set_axis_off()
                if number < len(images):
                    place.imshow(images[number])
        axes[0].set_title(f"mean gates of {block}".strip(), fontsize=8)


def _draw_means(axes, gates, names, limits):
    """A point for each stream's mean: on a scale of their own, for they differ by little."""
    places = range(len(names))
    axes.plot(gates.mean(axis=1), places, "o-", color="#2a7f62", markersize=4, linewidth=1)
    axes.set(xlim=limits, ylim=(len(names) - 0.5, -0.5), yticks=[])
    axes.tick_params(**_TICKS)
    axes.grid(alpha=0.3, axis="x")


def _whiskers(means):
    return np.percentile(means, 5, axis=0).min(), np.percentile(means, 95, axis=0).max()


def _limits(means):
    low, high = float(means.min()), float(means.max())
    margin = max(0.08 * (high - low), 1e-3)
    return low - margin, high + margin


def stream_names(streams):
    """The receptive fields of a block's streams, in words.

    >>> stream_names(2)
    ['3x3', '5x5']
    """
    return [f"{2 * t + 1}x{2 * t + 1}" for t in range(1, streams + 1)]


def _check_as_many(images, values):
    if not len(images) or len(images) != len(values):
        raise ArgumentError(
            "There must be an image, and gates of each. "
            f"Received: {len(images)} images and gates of {len(values)}"
        )
