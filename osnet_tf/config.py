"""What frozen dataclasses of settings share: help texts, checks, JSON and absolute paths.

The commands make their flags from such a dataclass: see `osnet_tf.commands.command_line`.
"""

import dataclasses
import difflib
import os

from osnet_tf.errors import OSNetError


class ConfigError(OSNetError, ValueError):
    """A setting has a value that it cannot have.

    Attributes:
        field: The setting's name.
    """

    def __init__(self, field, rule, value):
        super().__init__(f"`{field}` {rule}. Received: {field}={value!r}")
        self.field = field


def setting(default, help, is_path=False):
    """A dataclass field with a default, a help text, and whether it names a file or folder."""
    return dataclasses.field(default=default, metadata={"help": help, "is_path": is_path})


def one_of(choices):
    """The rule of a setting that has these choices."""
    return f"must be one of {', '.join(choices)}"


class Config:
    """Base of the dataclasses of settings, whose fields are made by `setting`.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Size(Config):
    ...     height: int = setting(256, "Pixels.")
    >>> Size.from_dict({"hight": 3})
    Traceback (most recent call last):
    osnet_tf.config.ConfigError: `hight` is no setting (did you mean `height`?). Received: hight=3
    """

    def check(self, name, good, rule):
        """Raises ConfigError about the field `name` unless `good`."""
        if not good:
            raise ConfigError(name, rule, getattr(self, name))

    def with_absolute_paths(self):
        """The same config, good from any working directory."""
        fields = dataclasses.fields(self)
        return dataclasses.replace(
            self, **{f.name: absolute(f, getattr(self, f.name)) for f in fields}
        )

    def to_dict(self):
        """All fields as JSON can hold them."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in vars(self).items()}

    @classmethod
    def from_dict(cls, values):
        """The config with these fields; the others at their defaults.

        Raises ConfigError, with the nearest name, for a name that is no field.
        """
        names = [field.name for field in dataclasses.fields(cls)]
        for name, value in values.items():
            if name not in names:
                near = difflib.get_close_matches(name, names, n=1)
                hint = f" (did you mean `{near[0]}`?)" if near else ""
                raise ConfigError(name, f"is no setting{hint}", value)
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})


def absolute(field, value):
    """A field's value, made absolute if it is a path. `weights` may also be a name, without a dot:
    "imagenet"."""
    if not field.metadata["is_path"] or not value or (field.name == "weights" and "." not in value):
        return value
    return os.path.abspath(value)
