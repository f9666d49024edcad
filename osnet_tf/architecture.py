"""Which OSNet a model is, as data: read from its layers, never from its name.

Every layer of a Keras model carries its arguments, and they survive `.keras` files,
`clone_model`, `from_config` and every model that is built around the first. So the layers are asked
and nothing is written beside them that could say something else.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, fields, replace
from itertools import product
from typing import Any, Self

import numpy as np

from osnet_tf.checks import check_choice, check_int, check_number
from osnet_tf.errors import ArgumentError
from osnet_tf.presets import (
    GATES,
    LITE_KINDS,
    MAX_STREAMS,
    NECKS,
    POOLINGS,
    PRESETS,
    STEMS,
    get_preset,
)

#: Layers that an `OSNet` may have after its input, in their order: the stem "3x3" has no max-pool,
#: and there is one pooling of the two.
LAYERS = (
    *("normalization", "conv1", "maxpool_pad", "maxpool"),
    *("conv2_0", "conv2_1", "conv2_transition", "conv2_pool"),
    *("conv3_0", "conv3_1", "conv3_transition", "conv3_pool"),
    *("conv4_0", "conv4_1", "conv5"),
    *("global_avgpool", "global_gempool", "fc", "fc_norm", "embedding", "bnneck"),
)
#: How the paths of the variables begin that the paper's pooling and embedding do without.
BESIDE_PLAIN = ("global_gempool/", "bnneck/")
#: For each choice, the layers that only it has.
_ONLY_OF = {
    "7x7": ("maxpool_pad", "maxpool"),
    "average": ("global_avgpool",),
    "generalized_mean": ("global_gempool",),
    "batch_norm": ("bnneck",),
}


@dataclass(frozen=True)
class Architecture:
    """Everything that decides what an OSNet computes, its weights and the images' size apart.

    Attributes:
        preset: A name in `osnet_tf.presets.PRESETS`; it decides widths and normalisation.
        feature_dim: Length of the embedding.
        streams, lite, gate: Those of `osnet_tf.layers.OSBlock`; the defaults are the paper's.
        stem: One of `osnet_tf.presets.STEMS`.
        pooling: One of `osnet_tf.presets.POOLINGS`.
        neck: One of `osnet_tf.presets.NECKS`: whether the embedding is behind a batch norm.

    Raises ArgumentError (a ValueError) for a value outside these.

    >>> Architecture("osnet_x0_25").is_public
    True
    >>> ablation = Architecture("osnet_x0_25", lite="depthwise_pointwise")
    >>> ablation.is_public, str(ablation)
    (False, "osnet_x0_25 with lite='depthwise_pointwise'")
    >>> Architecture.from_dict(ablation.to_dict()) == ablation
    True
    """

    preset: str
    feature_dim: int = 512
    streams: int = 4
    lite: str = LITE_KINDS[0]
    gate: str = GATES[0]
    stem: str = STEMS[0]
    pooling: str = POOLINGS[0]
    neck: str = NECKS[0]

    def __post_init__(self):
        get_preset(self.preset)
        check_int(feature_dim=self.feature_dim, streams=self.streams)
        check_number(maximum=MAX_STREAMS, streams=self.streams)
        check_choice(LITE_KINDS, lite=self.lite)
        check_choice(GATES, gate=self.gate)
        check_choice(STEMS, stem=self.stem)
        check_choice(POOLINGS, pooling=self.pooling)
        check_choice(NECKS, neck=self.neck)

    @property
    def widths(self) -> tuple[int, int, int, int]:
        """Channels of the stem and of stages 2, 3 and 4."""
        return PRESETS[self.preset].widths

    @property
    def stem_norm(self) -> str:
        """Normalisation of the stem, "batch" or "instance"."""
        return PRESETS[self.preset].stem_norm

    @property
    def instance_norms(self) -> tuple:
        """For each stage, `OSBlock(instance_norm=...)` of its two blocks."""
        return PRESETS[self.preset].instance_norms

    @property
    def is_public(self) -> bool:
        """Whether the public PyTorch code has this architecture, and so its checkpoints fit."""
        return self == Architecture(self.preset, self.feature_dim)

    @property
    def plain(self) -> Self:
        """The same with the paper's pooling and no neck: its weights do for this one too."""
        return replace(self, pooling=POOLINGS[0], neck=NECKS[0])

    def to_dict(self) -> dict[str, Any]:
        """All of it, in what JSON can hold."""
        return {
            **asdict(self),
            "widths": list(self.widths),
            "stem_norm": self.stem_norm,
            "instance_norms": [list(stage) for stage in self.instance_norms],
        }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        """The architecture that `to_dict` described.

        Raises ArgumentError if it describes none.
        """
        names = [field.name for field in fields(cls)]
        if isinstance(data, dict) and set(names) <= set(data):
            architecture = cls(**{name: data[name] for name in names})
            if architecture.to_dict() == data:
                return architecture
        raise ArgumentError(f"This describes no architecture. Received: {data!r:.300}")

    def __str__(self):
        public = Architecture(self.preset)
        own = [
            f"{field.name}={getattr(self, field.name)!r}"
            for field in fields(self)
            if getattr(self, field.name) != getattr(public, field.name)
        ]
        return self.preset + (f" with {', '.join(own)}" if own else "")


def layer_names(stem, pooling=POOLINGS[0], neck=NECKS[0]):
    """Names of the layers after the input that an `OSNet` has, in their order.

    >>> set(layer_names("7x7")) - set(layer_names("3x3")) == {"maxpool_pad", "maxpool"}
    True
    >>> layer_names("7x7", neck="batch_norm")[-2:]
    ['embedding', 'bnneck']
    """
    chosen = (stem, pooling, neck)
    left_out = {n for choice, names in _ONLY_OF.items() if choice not in chosen for n in names}
    return [name for name in LAYERS if name not in left_out]


def architecture_of(model: Any) -> Architecture:
    """The architecture of the OSNet in a model.

    Args:
        model: As `OSNet` or `add_classifier` returns, under any name; loaded, cloned, or with
            layers of one's own after the embedding; also inside another model, if one only.

    Returns:
        `Architecture`.

    Raises:
        ArgumentError: the model is or contains no OSNet, or several different ones.

    >>> from osnet_tf import OSNet
    >>> model = OSNet("osnet_x0_25", input_shape=(64, 32, 3), streams=1, gate="none", name="mine")
    >>> print(architecture_of(model))
    osnet_x0_25 with streams=1, gate='none'
    """
    found, reason = set(), "it has no layers of that kind"
    for candidate in [model, *model._flatten_layers(include_self=False)]:
        if hasattr(candidate, "layers"):
            layers = [layer for layer in candidate.layers if layer.name in LAYERS]
            try:
                found.add(_read({layer.name: layer.get_config() for layer in layers}))
            except ArgumentError as error:
                reason = str(error) if candidate is model else reason
    if len(found) == 1:
        return found.pop()
    if found:
        reason = f"it contains several: {'; '.join(sorted(map(str, found)))}"
    raise ArgumentError(f"The model {model.name!r} is no OSNet: {reason}")


def _read(configs):
    """The architecture that `{layer: its get_config()}` describes; ArgumentError if it is none."""
    parts = {
        "stem": "7x7" if "maxpool" in configs else "3x3",
        "pooling": "generalized_mean" if "global_gempool" in configs else "average",
        "neck": "batch_norm" if "bnneck" in configs else "none",
    }
    missing = [name for name in layer_names(**parts) if name not in configs]
    if missing:
        raise ArgumentError(f"it has no layer {missing[0]!r}")
    block = configs["conv2_0"]
    family = (
        configs["conv1"].get("norm"),
        configs["conv1"].get("filters"),
        block.get("instance_norm"),
    )
    for preset in PRESETS.values():
        if family == (preset.stem_norm, preset.widths[0], preset.instance_norms[0][0]):
            break
    else:
        raise ArgumentError(f"no preset has a stem and a first block such as {family}")
    values = {name: block.get(name) for name in ("streams", "lite", "gate")}
    architecture = Architecture(preset.name, configs["fc"].get("units"), **values, **parts)
    for name, expected in _layer_arguments(architecture).items():
        for key, value in expected.items():
            found = configs[name].get(key)
            if _as_json(found) != _as_json(value):
                raise ArgumentError(
                    f"it is not quite {architecture}: layer {name!r} has {key}={found!r:.200}, "
                    f"not {value!r}"
                )
    return architecture


def _as_json(value):
    """As a `.keras` file holds it: tuples are lists; 1 is neither 1.0 nor True."""
    return json.dumps(np.ravel(value).tolist() if isinstance(value, list | tuple) else value)


def _layer_arguments(architecture):
    """`{layer: {argument: value}}` of every layer that `OSNet` builds for an architecture."""
    from osnet_tf.preprocessing import normalization_layer  # it loads Keras

    normalization = normalization_layer().get_config()
    stem, *stages = architecture.widths
    size, strides = (7, 2) if architecture.stem == "7x7" else (3, 1)
    plain = {"kernel_size": 1, "strides": 1, "norm": "batch", "activation": "relu"}
    norm = architecture.stem_norm
    table = {
        "normalization": {key: normalization[key] for key in ("scale", "offset")},
        "conv1": {**plain, "filters": stem, "kernel_size": size, "strides": strides, "norm": norm},
        "conv5": {**plain, "filters": stages[-1]},
        "fc": {"units": architecture.feature_dim, "use_bias": True, "activation": "linear"},
        "fc_norm": {"epsilon": 1e-5, "scale": True, "center": True},
        "embedding": {"max_value": None, "negative_slope": 0.0, "threshold": 0.0},
    }
    if architecture.stem == "7x7":
        table["maxpool_pad"] = {"padding": [[1, 1], [1, 1]]}
        table["maxpool"] = {"pool_size": [3, 3], "strides": [2, 2], "padding": "valid"}
    if architecture.pooling == "generalized_mean":
        table["global_gempool"] = {"epsilon": 1e-6}  # its exponent is a weight
    if architecture.neck == "batch_norm":
        table["bnneck"] = {"epsilon": 1e-5, "scale": True, "center": False}
    for number, width in enumerate(stages, start=2):
        for block, place in enumerate(architecture.instance_norms[number - 2]):
            table[f"conv{number}_{block}"] = {
                "filters": width,
                "bottleneck_reduction": 4,
                "gate_reduction": 16,
                "streams": architecture.streams,
                "lite": architecture.lite,
                "gate": architecture.gate,
                "instance_norm": place,
            }
        if number < 4:
            table[f"conv{number}_transition"] = {**plain, "filters": width}
            table[f"conv{number}_pool"] = {"pool_size": [2, 2], "strides": [2, 2]}
    return table


def fingerprint(model):
    """A name for exactly what a model computes: architecture, size and types, and weights.

    It is the same after saving, loading, cloning and renaming, and differs as soon as one weight
    does. Two models of the same fingerprint give the same embeddings.

    Args:
        model: A built Keras model; for one that is not an `OSNet` as such, its configuration
            stands for the architecture.

    Returns:
        64 hexadecimal digits, a SHA-256.

    >>> from osnet_tf import OSNet
    >>> model = OSNet("osnet_x0_25", input_shape=(64, 32, 3), streams=1)
    >>> before = fingerprint(model)
    >>> model.get_layer("fc").set_weights([np.ones((128, 512)), np.ones(512)])
    >>> len(before), fingerprint(model) == before
    (64, False)
    """
    digest = hashlib.sha256(json.dumps(_description(model), sort_keys=True).encode())
    for weight in model.weights:
        digest.update(f"{tuple(weight.shape)} {weight.dtype}\n".encode())
        digest.update(weight.numpy().tobytes())
    return digest.hexdigest()


def _description(model):
    names = [layer.name for layer in model.layers]
    orders = [layer_names(*parts) for parts in product(STEMS, POOLINGS, NECKS)]
    if names[1:] in orders and not isinstance(model.output, dict | list | tuple):
        return {
            "architecture": architecture_of(model).to_dict(),
            "input_shape": list(model.input_shape[1:]),
            "computed_in": [layer.compute_dtype for layer in model.layers],
        }
    return {key: value for key, value in model.get_config().items() if key != "name"}
