"""Recognises the public OSNet in a state dict, whatever else the state dict holds."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from osnet_tf.architecture import Architecture
from osnet_tf.presets import PRESETS
from osnet_tf.weights.errors import WeightsError
from osnet_tf.weights.names import differences, entries, listed

# What tools leave in every module: thop's counts, and the count of averaged models.
_BOOKKEEPING = ("total_ops", "total_params", "n_averaged", "num_batches_tracked")
_CLASSIFIER = ("classifier.weight", "classifier.bias")


class Recognised(NamedTuple):
    """The OSNet in a state dict.

    Attributes:
        architecture: what it is; always a public one.
        num_classes: outputs of its classifier; None without one that is whole.
        arrays: its arrays by the public code's keys, the classifier's among them.
        left_out: the state dict's other keys, as they stand there.
    """

    architecture: Architecture
    num_classes: int | None
    arrays: dict[str, np.ndarray]
    left_out: tuple[str, ...]


def recognise(state: Mapping[str, np.ndarray], source: str = "the state dict") -> Recognised:
    """Recognises the architecture from keys and shapes and checks every single one of them.

    The backbone must be there exactly. Before its keys may stand one and the same prefix
    (`model.`, `backbone.`); a pruned weight (`weight_orig` and `weight_mask`) is multiplied out;
    keys of heads, and counts that tools leave behind, are left out.

    Args:
        state: arrays by key, as `read_checkpoint` returns.
        source: what to call it in messages, such as the file's path.

    Returns:
        `Recognised`.

    Raises:
        WeightsError: this is no public OSNet, or keys of the backbone are missing, unknown, of
            another shape or no floating-point numbers; the message names them.

    Example:

    >>> table = entries(Architecture("osnet_ain_x0_5"))
    >>> state = {f"model.{entry.key}": np.zeros(entry.shape, "float32") for entry in table}
    >>> found = recognise({**state, "head.weight": np.zeros((3, 512), "float32")})
    >>> print(found.architecture, found.num_classes, found.left_out[-1])
    osnet_ain_x0_5 None head.weight
    """
    names = _without_prefix(state, source)
    arrays = {name: state[key] for key, name in names.items()}
    arrays, pruned = _multiplied_out(arrays, source)
    shapes = {name: tuple(array.shape) for name, array in arrays.items()}
    architecture = _architecture(shapes, source)
    num_classes = _num_classes(arrays, architecture)

    table = [entry for entry in entries(architecture, num_classes) if entry.path is not None]
    expected = {entry.key: entry.shape for entry in table}
    parts = {key.split(".")[0] for key in expected} - {"classifier"}
    backbone = {
        name: shape
        for name, shape in shapes.items()
        if name in expected or (name.split(".")[0] in parts and not _is_bookkeeping(name))
    }
    problems = differences("keys", backbone, expected)
    odd = [
        f"{key} ({arrays[key].dtype})"
        for key in expected
        if key in arrays and not np.issubdtype(arrays[key].dtype, np.floating)
    ]
    if odd:
        problems.append(f"no floating-point numbers: {listed(odd)}")
    if problems:
        raise WeightsError(source, f"not quite {architecture}: {'; '.join(problems)}")
    used = {key: arrays[key] for key in expected}
    left_out = tuple(key for key in state if names.get(key) not in {*used, *pruned})
    return Recognised(architecture, num_classes, used, left_out)


def _without_prefix(state: Mapping, source: str) -> dict[str, str]:
    """{key: the key without what stands before every key of the backbone} of those that have it."""
    # Biases, because pruning splits the weights
    ends = ("conv1.bn.bias", "conv5.bn.bias", "fc.0.bias")
    prefixes = [
        key.removesuffix(ends[0])
        for key in state
        if key.endswith(ends[0]) and all(key.removesuffix(ends[0]) + end in state for end in ends)
    ]
    if len(prefixes) > 1:
        raise WeightsError(source, f"holds several OSNets, under {listed(map(repr, prefixes))}")
    prefix = prefixes[0] if prefixes else ""
    names = {key: key.removeprefix(prefix) for key in state if key.startswith(prefix)}
    # The classifier may stand beside the backbone
    inside = set(names.values())
    return names | {key: key for key in _CLASSIFIER if key in state and key not in inside}


def _multiplied_out(arrays: dict[str, np.ndarray], source: str) -> tuple[dict, list[str]]:
    """Joins what `torch.nn.utils.prune` split: the arrays, and the names that are no more."""
    result, pruned = dict(arrays), []
    for name in arrays:
        base = name.removesuffix("_orig")
        mask = f"{base}_mask"
        if base == name or base in arrays or mask not in arrays:
            continue
        weight, kept = arrays[name], arrays[mask]
        if weight.shape != kept.shape or not np.isin(kept, (0, 1)).all():
            raise WeightsError(source, f"{mask} is no mask of zeros and ones for {name}")
        result[base] = np.where(kept != 0, weight, 0).astype(weight.dtype)
        del result[name], result[mask]
        pruned += [name, mask]
    return result, pruned


def _architecture(shapes: Mapping[str, tuple[int, ...]], source: str) -> Architecture:
    for key, rank in (("conv1.conv.weight", 4), ("fc.0.weight", 2)):
        if len(shapes.get(key, ())) != rank:
            found = f"of shape {shapes[key]}" if key in shapes else f"not among {listed(shapes)}"
            raise WeightsError(source, f"no public OSNet: {key} is {found}")
    family = "ibn_" if "conv2.0.IN.weight" in shapes else ""
    family = "ain_" if "pool2.0.conv.weight" in shapes else family
    stem, feature_dim = shapes["conv1.conv.weight"][0], shapes["fc.0.weight"][0]
    for preset in PRESETS.values():
        is_family = preset.name.startswith(f"osnet_{family}x")
        if is_family and preset.widths[0] == stem and feature_dim > 0:
            return Architecture(preset.name, feature_dim)
    stems = sorted({preset.widths[0] for preset in PRESETS.values()})
    raise WeightsError(
        source,
        f"no public OSNet: conv1.conv.weight has {stem} channels, not {', '.join(map(str, stems))}",
    )


def _num_classes(arrays: Mapping[str, np.ndarray], architecture: Architecture) -> int | None:
    """Classes of the public code's classifier; None where it is not there as a whole."""
    weight, bias = (arrays.get(key) for key in _CLASSIFIER)
    if weight is None or bias is None or bias.ndim != 1 or len(bias) < 1:
        return None
    fits = weight.shape == (len(bias), architecture.feature_dim)
    floats = all(np.issubdtype(array.dtype, np.floating) for array in (weight, bias))
    return len(bias) if fits and floats else None


def _is_bookkeeping(name: str) -> bool:
    return name.split(".")[-1] in _BOOKKEEPING
