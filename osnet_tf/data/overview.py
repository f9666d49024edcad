"""Which datasets there are, and which of them lie in a folder."""

import inspect
import os
import re

from osnet_tf.data.demo import read_demo
from osnet_tf.data.registry import READERS, find_reader, load_dataset
from osnet_tf.errors import OSNetError

#: Names that stand for one's own data: they are not looked for.
_OWN = ("classes", "folder")
_HINT = """
(there: its files lie below the data folder. own: yours, at --data_dir. Of what is broken, or not
there: --do=stats --dataset=NAME says what is wrong, or where it must lie and whose it is.)"""


def list_datasets(data_dir: str | os.PathLike) -> str:
    """All names of datasets, a line each: the name, whether it is there, and what it is.

    Args:
        data_dir: the directory that holds the datasets.

    >>> [line.split() for line in list_datasets("no/such/place").splitlines() if "VIPeR" in line]
    [['viper', '-', 'VIPeR,', 'one', 'split', 'of', 'twenty', 'or', 'all']]
    """
    width = max(map(len, READERS))
    lines = [
        f"{name:<{width}}  {_state(name, data_dir):<7}  {_about(name)}" for name in sorted(READERS)
    ]
    return "\n".join([*lines, _HINT])


def _about(name):
    """The first line of what a reader's docstring says."""
    text = inspect.getdoc(find_reader(name)[0])
    return re.sub(r",? and checks (its|their) counts", "", text.splitlines()[0])[len("Reads ") : -1]


def _state(name, data_dir):
    if name in _OWN:
        return "own"
    try:
        if name == "demo":
            read_demo(data_dir)  # load_dataset would draw it
        else:
            load_dataset(name, data_dir)
    except FileNotFoundError:
        return "-"
    except OSNetError:
        return "broken"
    return "there"
