"""What a sweep may try, written as text: `learning_rate=0.0005..0.005:log`, `erase=0,0.3,0.5`."""

from typing import NamedTuple

from osnet_tf.config import ConfigError
from osnet_tf.training.config import TrainingConfig


class Choices(NamedTuple):
    """A setting that has one of these values."""

    values: tuple

    def suggest(self, trial, name):
        """The value that an Optuna trial takes."""
        return trial.suggest_categorical(name, self.values)


class Range(NamedTuple):
    """A number from `low` to `high`, both included; `log` searches its logarithm."""

    low: float
    high: float
    log: bool = False

    def suggest(self, trial, name):
        """The value that an Optuna trial takes."""
        kind = trial.suggest_int if isinstance(self.low, int) else trial.suggest_float
        return kind(name, self.low, self.high, log=self.log)


def parse_space(texts):
    """Reads a search space.

    Args:
        texts: For each setting `NAME=VALUE,VALUE,...` or, for a number, `NAME=LOW..HIGH`, with
            `:log` behind it to search the logarithm.

    Returns:
        Dict from names to `Choices` or `Range`.

    Raises ConfigError, which names the setting, for one that does not exist, that stands there
    twice, or whose values cannot be read.

    >>> parse_space(["learning_rate=0.001..0.01:log", "optimizer=sgd,amsgrad", "pad=0..10"])
    {'learning_rate': Range(low=0.001, high=0.01, log=True), \
'optimizer': Choices(values=('sgd', 'amsgrad')), 'pad': Range(low=0, high=10, log=False)}
    >>> parse_space(["pad=5..1"])
    Traceback (most recent call last):
    osnet_tf.config.ConfigError: `pad` must be LOW..HIGH with LOW < HIGH. Received: pad='5..1'
    """
    types = {name: field.type for name, field in TrainingConfig.settings().items()}
    space = {}
    for text in texts:
        name, _, values = text.partition("=")
        if name not in types:
            TrainingConfig.from_dict({name: values})  # raises, with the nearest name
        if name in space:
            raise ConfigError(name, "is searched twice", values)
        space[name] = _parse(name, values, types[name])
    return space


def _parse(name, text, kind):
    if kind in (int, float) and ".." in text:
        numbers, log = text.removesuffix(":log"), text.endswith(":log")
        low, high = (_value(name, part, kind, text) for part in numbers.split("..", 1))
        if not low < high or (log and low <= 0):
            rule = "must be LOW..HIGH with " + ("0 < LOW < HIGH" if log else "LOW < HIGH")
            raise ConfigError(name, rule, text)
        return Range(low, high, log)
    return Choices(tuple(_value(name, part.strip(), kind, text) for part in text.split(",")))


def _value(name, text, kind, whole):
    truth = {"true": True, "false": False}
    try:
        if kind is bool:
            return truth[text.lower()]
        if kind in (int, float, str) and text:
            return kind(text)
    except (ValueError, KeyError):
        pass
    raise ConfigError(name, f"takes values of type {kind.__name__}", whole)
