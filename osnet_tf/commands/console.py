"""The console command `osnet-tf`: one word in front of every other command."""

import importlib
import pkgutil
import sys

from osnet_tf import commands
from osnet_tf.checks import did_you_mean
from osnet_tf.version import __version__

_NOT_COMMANDS = ("command_line", "console", "help_page")


def main():
    """Starts `osnet-tf NAME FLAGS`; without a name, or with --help, lists the names.

    An unknown name ends with exit code 2.
    """
    names = sorted(
        found.name
        for found in pkgutil.iter_modules(commands.__path__)
        if found.name not in _NOT_COMMANDS
    )
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name == "--version":
        sys.stdout.write(f"osnet_tf {__version__}\n")
    elif name in ("--help", "-h", "help"):
        sys.stdout.write(_overview(names))
    elif name.replace("-", "_") in names:
        from osnet_tf.commands import command_line

        sys.argv = [f"osnet-tf {name}", *sys.argv[2:]]
        command_line.run(importlib.import_module(f"osnet_tf.commands.{name.replace('-', '_')}"))
    else:
        hint = did_you_mean(name, names)
        sys.stderr.write(f"error: There is no command {name!r}.{hint}\nsee: osnet-tf --help\n")
        sys.exit(2)


def _overview(names):
    lines = ["osnet-tf COMMAND [FLAGS]; osnet-tf COMMAND --help shows the flags of one.", ""]
    for name in names:
        about = importlib.import_module(f"osnet_tf.commands.{name}").__doc__.splitlines()[0]
        lines.append(f"  {name:<10} {about}")
    return "\n".join(lines) + "\n"
