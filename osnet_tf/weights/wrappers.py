"""Finds the state dict in what a checkpoint file holds."""

from typing import NamedTuple

from osnet_tf.weights.errors import WeightsError
from osnet_tf.weights.names import listed
from osnet_tf.weights.pickled_names import REASONS
from osnet_tf.weights.pickled_values import Inert, TensorRef, show

# A key that every OSNet has, whatever stands before it: it tells the model from other tensors.
_OF_OSNET = "conv5.bn.bias"
_DEPTH = 2


class Found(NamedTuple):
    """A state dict and what lies beside it.

    Attributes:
        tensors: its tensors by key.
        left_out: names of all else, objects with their class: "epoch", "args (argparse.Namespace)".
    """

    tensors: dict[str, TensorRef]
    left_out: tuple[str, ...]


def find_state_dict(tree: object, path: str) -> Found:
    """The one state dict in a tree of dicts: the tree itself, or under any name, up to two deep.

    Raises WeightsError if there is none, or if there are several.
    """
    if type(tree) is not dict:
        raise WeightsError(
            path,
            f"holds {show(tree)}, not a state dict. If that is a whole model, save "
            "model.state_dict() instead",
        )
    places = _places(tree, ())
    for is_it in (_is_osnet, _is_pure):
        if len(places) > 1:
            places = {place: d for place, d in places.items() if is_it(d)} or places
    if not places:
        raise WeightsError(path, f"no state dict found: {_contents(tree)}")
    if len(places) > 1:
        names = listed(".".join(place) or "the file itself" for place in places)
        raise WeightsError(path, f"holds several state dicts: {names}. Save the wanted one alone")
    ((place, state),) = places.items()
    for key, value in state.items():
        if type(value) is Inert and value.name in REASONS:
            raise WeightsError(path, f"{show(key)} cannot be read: {REASONS[value.name]}")
    tensors = {k: v for k, v in state.items() if type(k) is str and type(v) is TensorRef}
    return Found(tensors, tuple(_beside(tree, place)))


def _places(tree: dict, place: tuple[str, ...]) -> dict[tuple[str, ...], dict]:
    """{names on the way: dict} of the dicts that hold tensors themselves."""
    found = {place: tree} if any(type(value) is TensorRef for value in tree.values()) else {}
    known = {id(state) for state in found.values()}  # one dict may stand under several names
    for key, value in tree.items():
        if type(value) is dict and type(key) is str and len(place) < _DEPTH:
            for inner, state in _places(value, (*place, key)).items():
                if id(state) not in known:
                    found[inner] = state
                    known.add(id(state))
    return found


def _is_osnet(state: dict) -> bool:
    return any(type(key) is str and key.endswith(_OF_OSNET) for key in state)


def _is_pure(state: dict) -> bool:
    return all(type(value) is TensorRef for value in state.values())


def _beside(tree: dict, place: tuple[str, ...]):
    """What is not on the way to a state dict, and what in it is no tensor."""
    for name in (*place, None):
        for key, value in tree.items():
            is_weight = name is None and type(value) is TensorRef and type(key) is str
            if key != name and not is_weight:
                shown = key if type(key) is str and key.isprintable() else show(key)
                yield f"{shown} ({show(value)})" if type(value) is Inert else shown
        tree = tree.get(name)


def _kind(value: object) -> str:
    reason = REASONS.get(value.name) if type(value) is Inert else None
    return reason or show(value)


def _contents(tree: dict) -> str:
    names = [f"{show(key)} ({_kind(value)})" for key, value in tree.items()]
    more = ", ..." if len(names) > 8 else ""
    return f"not tensors: {', '.join(names[:8])}{more}" if names else "empty"
