"""What a path leads to, and how it is shown."""

import os
import re
import stat

from osnet_tf.errors import FileError, NotFoundError
from osnet_tf.types import PathLike

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def check_regular_file(path: PathLike) -> None:
    """Refuses what cannot be read to an end, such as a pipe or a link to /dev/zero.

    Args:
        path: The file; a link counts as what it leads to.

    Raises:
        NotFoundError: there is nothing.
        FileError: it is no regular file.

    >>> check_regular_file("/dev/null")
    Traceback (most recent call last):
    osnet_tf.errors.FileError: /dev/null is a device, not a regular file
    """
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        raise NotFoundError(f"{os.fspath(path)} does not exist") from None
    except ValueError as error:  # a name with a NUL in it
        raise FileError(repr(os.fspath(path)), f"is no file name: {error}") from None
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "something else")
        raise FileError(path, f"is {kind}, not a regular file")


def printable(text: str) -> str:
    r"""The text as a terminal may show it: control characters and undecoded bytes are escaped.

    Line ends and tabs stay.

    >>> print(printable("a\x1b[2Jb.jpg"))
    a\x1b[2Jb.jpg
    """
    return "".join(_shown(character) for character in text)


def _shown(character):
    if character in "\n\t" or character.isprintable():
        return character
    return character.encode("unicode_escape").decode("ascii")


def as_file_name(name: str) -> str:
    """A dataset's name as part of a file's: "package.module:function" has a colon.

    >>> as_file_name("a+b"), as_file_name("my.data:read /x")
    ('a+b', 'my.data_read_x')
    """
    return re.sub(r"[^\w.+-]+", "_", name)
