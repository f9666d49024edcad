"""What dataclasses of settings share: types and ranges on the fields, help texts, JSON, paths.

The commands make their flags from such a dataclass: see `osnet_tf.commands.command_line`.
"""

import dataclasses
import os
from typing import Any

from osnet_tf.checks import broken_bound, did_you_mean, is_int, is_number
from osnet_tf.errors import OSNetError


class ConfigError(OSNetError, ValueError):
    """A setting has a value that it cannot have.

    Attributes:
        field: The setting's name.
    """

    def __init__(self, field: str, rule: str, value: Any, hint: str = "") -> None:
        super().__init__(f"`{field}` {rule}.{hint} Received: {field}={value!r}")
        self.field = field


def setting(
    default,
    help,
    *,
    is_path=False,
    is_list=False,
    minimum=None,
    maximum=None,
    above=None,
    below=None,
    choices=None,
):
    """A dataclass field of a `Config`. Its type is its annotation, which the config checks.

    The annotation is bool, int, float, str or `tuple[int, ...]`. Booleans are no numbers here, an
    integer does for a float, and no number is NaN or infinite.

    Args:
        default: The default.
        help: What the setting means; `choices` are added to it.
        is_path: Whether it names a file or folder.
        is_list: Whether it names several, separated by commas.
        minimum, maximum: Bounds of a number, or of each number of a tuple, allowed themselves.
        above, below: Bounds that are not allowed themselves.
        choices: The only values that a text can have.
    """
    if choices is not None:
        help = f"{help} One of {', '.join(filter(None, choices))}."
    bounds = {"minimum": minimum, "maximum": maximum, "above": above, "below": below}
    kind = {"is_path": is_path, "is_list": is_list}
    metadata = {"help": help, "bounds": bounds, "choices": choices, **kind}
    return dataclasses.field(default=default, metadata=metadata)


def one_of(choices):
    """The rule of a setting that has these choices."""
    return f"must be one of {', '.join(choices)}"


class _Settings:
    """What a `Config` and a `GroupedConfig` have in common."""

    def check(self, name, good, rule):
        """Raises ConfigError about the setting `name` unless `good`."""
        if not good:
            raise ConfigError(name, rule, self._value(name))

    def check_together(self):
        """Raises ConfigError where settings, each good by itself, do not go together."""

    def with_absolute_paths(self):
        """The same config, good from any working directory."""
        values = self.to_dict()
        return self.from_dict({k: absolute(f, values[k]) for k, f in self.settings().items()})

    def replace(self, **changes):
        """The same config with other values of some settings.

        Raises ConfigError, as the constructor does.
        """
        return self.from_dict({**self.to_dict(), **changes})

    @classmethod
    def from_dict(cls, values):
        """The config with these settings; the others at their defaults.

        Raises ConfigError, with the nearest name, for a name that is no setting.
        """
        _check_names(values, cls.settings())
        return cls(**values)


class Config(_Settings):
    """Base of the frozen dataclasses of settings, whose fields are made by `setting`.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Size(Config):
    ...     height: int = setting(256, "Pixels.", minimum=13)
    >>> Size(height=True)
    Traceback (most recent call last):
    osnet_tf.config.ConfigError: `height` must be an integer. Received: height=True
    >>> Size(height=8)
    Traceback (most recent call last):
    osnet_tf.config.ConfigError: `height` must be >= 13. Received: height=8
    >>> Size.from_dict({"hight": 3})
    Traceback (most recent call last):
    osnet_tf.config.ConfigError: `hight` is no setting. Did you mean 'height'? Received: hight=3
    """

    def __post_init__(self):
        for name, field in self.settings().items():
            object.__setattr__(self, name, _checked(field, getattr(self, name)))
        self.check_together()

    @classmethod
    def titles(cls):
        """Dict from the settings' names to what their group is called: here there are none."""
        return {}

    @classmethod
    def settings(cls):
        """Dict from the settings' names to their `dataclasses.Field`s."""
        return {field.name: field for field in dataclasses.fields(cls)}

    def _value(self, name):
        return getattr(self, name)

    def to_dict(self):
        """All settings as JSON can hold them."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in vars(self).items()}


class GroupedConfig(_Settings):
    """Base of a config whose settings lie in groups, each a `Config`, but have one set of names.

    Outside, in the constructor, JSON and the flags, the settings are flat; inside, a part of the
    program is handed the group that concerns it. A subclass is a frozen dataclass without an
    `__init__` of its own (`init=False`), whose fields are the groups.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Size(Config):
    ...     height: int = setting(256, "Pixels.")
    >>> @dataclasses.dataclass(frozen=True)
    ... class Steps(Config):
    ...     epochs: int = setting(10, "Passes.")
    >>> @dataclasses.dataclass(frozen=True, init=False)
    ... class Both(GroupedConfig):
    ...     size: Size
    ...     steps: Steps
    >>> config = Both(epochs=3)
    >>> config.steps, config.size, config.to_dict()
    (Steps(epochs=3), Size(height=256), {'height': 256, 'epochs': 3})
    """

    def __init__(self, **values):
        _check_names(values, self.settings())
        for name, group in self.groups().items():
            own = {key: values[key] for key in group.settings() if key in values}
            object.__setattr__(self, name, group(**own))
        self.check_together()

    @classmethod
    def groups(cls):
        """Dict from the groups' names to their classes."""
        return {field.name: field.type for field in dataclasses.fields(cls)}

    @classmethod
    def titles(cls):
        """Dict from all settings' names to what their group is called, and is about."""
        return {
            setting: f"{name} ({' '.join(group.__doc__.split('.')[0].split())})"
            for name, group in cls.groups().items()
            for setting in group.settings()
        }

    @classmethod
    def settings(cls):
        """Dict from all settings' names to their `dataclasses.Field`s, group by group."""
        found = {}
        for group in cls.groups().values():
            for name, field in group.settings().items():
                if name in found:
                    raise TypeError(f"Two groups of {cls.__name__} have a setting {name}")
                found[name] = field
        return found

    def _value(self, name):
        group = next(group for group, kind in self.groups().items() if name in kind.settings())
        return getattr(getattr(self, group), name)

    def to_dict(self):
        """All settings, flat, as JSON can hold them."""
        return {k: v for group in self.groups() for k, v in getattr(self, group).to_dict().items()}


def absolute(field, value):
    """A field's value, made absolute if it is a path. `weights` may also be a name, "imagenet", or
    an address, "hf://user/repo"; so may a `teacher`, such as "average"."""
    if not field.metadata["is_path"] or not value:
        return value
    parts = value.split(",") if field.metadata["is_list"] else [value]
    named = field.name in ("weights", "teacher")
    return ",".join(
        part if named and _is_name(part) else os.path.abspath(part.strip()) for part in parts
    )


def _is_name(value):
    return value.startswith("hf://") or ("." not in value and os.sep not in value)


def _check_names(values, settings):
    for name, value in values.items():
        if name not in settings:
            raise ConfigError(name, "is no setting", value, did_you_mean(name, settings))


def _checked(field, value):
    """The value as its type; raises ConfigError."""
    if field.type == tuple[int, ...]:
        if not isinstance(value, (tuple, list)):
            raise ConfigError(field.name, "must be a list of integers", value)
        return tuple(_checked_one(field, int, one, value) for one in value)
    return _checked_one(field, field.type, value, value)


#: For each type of a setting: whether a value is one, what it becomes, and the rule in words.
_TYPES = {
    bool: (lambda value: isinstance(value, bool), bool, "must be true or false"),
    int: (is_int, int, "must be an integer"),
    float: (is_number, float, "must be a finite number"),
    str: (lambda value: isinstance(value, (str, os.PathLike)), os.fspath, "must be text"),
}


def _checked_one(field, kind, value, whole):
    is_kind, convert, rule = _TYPES[kind]
    if not is_kind(value):
        raise ConfigError(field.name, rule, whole)
    value = convert(value)
    rule = broken_bound(value, **field.metadata["bounds"]) if kind in (int, float) else ""
    if rule:
        raise ConfigError(field.name, rule, whole)
    choices = field.metadata["choices"]
    if choices is not None and value not in choices:
        raise ConfigError(field.name, one_of(choices), whole, did_you_mean(value, choices))
    return value
