"""What a user can mend: one base class, and the few kinds that every part of the project shares.

The commands show these in two lines; every other exception keeps its traceback, because it is a
fault of the program.
"""

import os


class OSNetError(Exception):
    """Base of all errors that say what to change: a setting, an argument, a file, a machine.

    >>> try:
    ...     raise ArgumentError("`margin` must be >= 0. Received: margin=-1", argument="margin")
    ... except OSNetError as error:
    ...     print(error)
    `margin` must be >= 0. Received: margin=-1
    """


class ArgumentError(OSNetError, ValueError):
    """An argument has a value that it cannot have.

    Args:
        message: The rule and what was received.
        argument: The argument's name, where one alone is wrong.
    """

    def __init__(self, message, *, argument=None):
        super().__init__(message)
        self.argument = argument


class FileError(OSNetError, ValueError):
    """A file is there, but is damaged or not what it should be.

    Args:
        path: The file.
        problem: What is wrong with it; the message is the path and this.

    >>> print(FileError("model.keras", "is no zip file"))
    model.keras is no zip file
    """

    def __init__(self, path, problem):
        super().__init__(f"{os.fspath(path)} {problem}")
        self.path = os.fspath(path)


class NotFoundError(OSNetError, FileNotFoundError):
    """Something is not where it was looked for; the message names the place."""


class WriteError(OSNetError, OSError):
    """A file cannot be written: a full disk, no permission, a file where a folder should be.

    What lay there before is as it was.

    Args:
        path: The file.
        reason: Why, in words.
    """

    def __init__(self, path, reason):
        super().__init__(f"{os.fspath(path)} cannot be written: {reason}")
        self.path = os.fspath(path)


class InUseError(OSNetError):
    """Another process is working in a folder; the message says which."""


class MissingPackageError(OSNetError, ImportError):
    """A package is not installed that only some of the project needs; the message names it."""
