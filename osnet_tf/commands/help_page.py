"""What --help shows: a line or two for each flag of a command, in groups."""

import re
import shutil
import sys
import textwrap

from absl import flags

#: A column of names no wider than this; a longer name has a line of its own.
_NAMES = 27
_CHOICES = re.compile(r"<([^>]*)>: ")
_DEFAULT = re.compile(r" \(default: (.*)\)\.?$", re.S)


def help_page(names):
    """The flags of a command, as text.

    Flags that were defined with a `module_name` stand under it, the others first. A default stands
    behind the name, `--epochs=150`, and not in the help.

    Args:
        names: The flags' names, in the order in which they were defined.

    Returns:
        The text; its lines fit the terminal.
    """
    groups = {}
    for name in names:
        flag = flags.FLAGS[name]
        module = flags.FLAGS.find_module_defining_flag(name)
        title = "flags" if module in sys.modules or module == sys.argv[0] else module
        if flag.name == name:  # and no alias
            groups.setdefault(title, []).append(_lines(flag))
    return "".join(f"\n{title}:\n{''.join(lines)}" for title, lines in groups.items())


def _lines(flag):
    width = min(100, max(60, shutil.get_terminal_size((100, 0)).columns))
    shown, about = _shown(flag)
    name = f"  --{'[no]' if flag.boolean and shown else ''}{flag.name}"
    name += f"={shown}" if shown and not flag.boolean else ""
    options = {"width": width, "subsequent_indent": " " * _NAMES}
    if len(name) + 1 >= _NAMES:
        text = textwrap.fill(about, initial_indent=" " * _NAMES, **options)
        return f"{name}\n{text}\n"
    return textwrap.fill(about, initial_indent=name.ljust(_NAMES), **options) + "\n"


def _with_choices(about):
    """absl puts the choices before the help: `<a|b>: Help.`"""
    match = _CHOICES.match(about)
    if not match:
        return about
    choices, about = match[1].split("|"), about[match.end() :]
    if all(choice in about for choice in choices):
        return about
    return f"{about} One of {', '.join(choices)}."


def _shown(flag):
    """What stands behind a flag's name, and its help without it."""
    about = _with_choices(" ".join(flag.help.split()))
    match = _DEFAULT.search(about)
    if match:
        value, about = match[1], about[: match.start()].rstrip(".") + "."
    else:
        value = flag.default_as_str if flag.default is not None else ""
    value = value.strip("'\"")
    if any("must have a value" in check.message for check in flag.validators):
        return "...", f"{about} Must be given."
    if value in ("", "False", "false", "None", "[]"):
        return "", about
    if len(value) > 16 or " " in value:  # in words, or a list
        return "", f"{about.rstrip('.')} (default: {value})."
    return value, about
