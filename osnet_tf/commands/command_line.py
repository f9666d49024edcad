"""What the commands share: flags from a config, what is shown, and errors that fit on two lines."""

import os
import sys
import tempfile

from absl import app, flags, logging

from osnet_tf.checks import did_you_mean
from osnet_tf.commands.help_page import help_page
from osnet_tf.config import ConfigError, absolute, one_of
from osnet_tf.errors import ArgumentError, OSNetError
from osnet_tf.files import printable
from osnet_tf.report import recipe_list, recipe_page
from osnet_tf.training.config import TrainingConfig
from osnet_tf.training.recipes import RECIPES


def define_config_flags(config_class=TrainingConfig):
    """Defines an absl flag for each setting of a config's class, with its help and default.

    Flags start unset: what was not given on the command line is left to the recipe and the
    config's own default. `config_flags` reads back those that were given. The flags of each group
    of settings stand together in the help.
    """
    titles = config_class.titles()
    for field in config_class.settings().values():
        help_text = f"{field.metadata['help']} (default: {_shown(field.default)})"
        group = {"module_name": titles.get(field.name)}  # the help has a heading for each module
        if field.type is bool:
            flags.DEFINE_boolean(field.name, None, help_text, **group)
        elif field.type is int:
            flags.DEFINE_integer(field.name, None, help_text, **group)
        elif field.type is float:
            flags.DEFINE_float(field.name, None, help_text, **group)
        elif field.type is str:
            flags.DEFINE_string(field.name, None, help_text, **group)
        else:  # a tuple of ints, given as 1,2,3
            to_text = _IntegersSerializer()
            flags.DEFINE(_Integers(), field.name, None, help_text, serializer=to_text, **group)


def define_recipe_flags():
    """Defines --recipe, and --help_recipe, which tells all about one and ends the command."""
    names = [name for name in RECIPES if not name.startswith("ablation_")]
    about = f"Named settings, on top of which any flag goes. One of {', '.join(names)}"
    if len(names) < len(RECIPES):
        about += f", or of {len(RECIPES) - len(names)} rows of the paper's ablations, ablation_*"
    flags.DEFINE_string("recipe", "", f"{about}.")
    flags.DEFINE_string(
        "help_recipe", None, "Say all about a recipe, or a line about each: all. Do nothing else."
    )


def told_recipe():
    """Says all about the recipe that --help_recipe names; whether there was one to tell about."""
    name = flags.FLAGS.help_recipe
    if name is None:
        return False
    if name != "all" and name not in RECIPES:
        raise ConfigError("help_recipe", one_of(RECIPES), name, did_you_mean(name, RECIPES))
    say(recipe_list(RECIPES) if name == "all" else recipe_page(name, RECIPES[name]))
    return True


def config_flags(config_class=TrainingConfig):
    """Dict of the config's flags that were given on the command line; paths are absolute."""
    given = {}
    for field in config_class.settings().values():
        flag = flags.FLAGS[field.name]
        if flag.present:
            given[field.name] = absolute(field, flag.value)
    return given


def run(command):
    """Runs a command: parses its flags (absl), calls its `main(argv)`, reports errors.

    What a user can mend (`OSNetError`, or an `OSError` about a file) is shown without a traceback,
    in one or two lines, and the exit code is 2. An interruption that left a checkpoint exits with
    130 (SIGINT) or 143 (SIGTERM), as a shell does. Anything else keeps its traceback.

    Args:
        command: A module with `define_flags()` and `main(argv)`; its docstring heads the help.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # oneDNN's kernels, which TensorFlow leaves out by itself on processors without AVX512-VNNI,
    # train OSNet about twice as fast on AVX2
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    before = set(flags.FLAGS)
    command.define_flags()
    defined = (name for name in flags.FLAGS if name not in before)
    sys.modules["__main__"].__doc__ = command.__doc__ + help_page(list(defined))

    def guarded(argv):
        logging.set_verbosity(logging.WARNING)  # and what it goes on to say
        try:
            if len(argv) > 1:
                raise app.UsageError(printable(f"Unexpected argument: {argv[1]}"))
            command.main(argv)
        except OSNetError as error:
            code = getattr(error, "exit_code", None)
            if code is None:
                sys.exit(_complain(_with_flag(error)))
            sys.stderr.write(printable(f"error: {error}\n"))  # no flag would have changed it
            sys.exit(code)
        except OSError as error:
            if error.filename is None:
                raise
            sys.exit(_complain(f"{os.fsdecode(error.filename)}: {error.strerror}"))
        except KeyboardInterrupt as error:
            name = getattr(error, "signal_name", "SIGINT")
            where = getattr(error, "checkpoint", None)
            if where:
                stopped = f"\nStopped by {name}. Checkpoint: {where}\nGo on with --resume\n"
                sys.stderr.write(printable(stopped))
            sys.exit(143 if name == "SIGTERM" else 130)

    app.run(guarded)


def say(text):
    """Prints what the command has to say; control characters, as in file names, are escaped."""
    sys.stdout.write(printable(str(text)) + "\n")
    sys.stdout.flush()


def notify(text):
    """Says on stderr what is out of the ordinary, beneath any progress bar."""
    from tqdm import tqdm

    tqdm.write(printable(f"note: {text}"), file=sys.stderr)


def load_tensorflow():
    """Imports TensorFlow without its start-up chatter; to be called before anything that needs it.

    On a machine without a GPU its libraries say on stderr, five lines long and partly as errors,
    that there is no GPU. They write before any log level counts, so the file descriptor itself is
    set aside. Where there is an NVIDIA driver, or the import fails, nothing is held back.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        loaded = False
        try:
            import tensorflow as tf

            tf.config.list_physical_devices()
            loaded = True
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            if not loaded or os.path.exists("/dev/nvidiactl"):
                said.seek(0)
                sys.stderr.write(said.read().decode(errors="replace"))


def _with_flag(error):
    """The error's text, with the flag before it where one alone is wrong."""
    name = None
    if isinstance(error, ConfigError):
        name = error.field
    elif isinstance(error, ArgumentError):
        name = error.argument
    return f"flag --{name}: {error}" if name in flags.FLAGS else str(error)


def _complain(message):
    sys.stderr.write(printable(f"error: {message}\nsee: {_program()} --help\n"))
    return 2


def _program():
    """What the user typed: `python train/fit.py` or `osnet-tf fit`."""
    return f"python {sys.argv[0]}" if sys.argv[0].endswith(".py") else sys.argv[0]


def _shown(value):
    return ",".join(map(str, value)) if isinstance(value, tuple) else repr(value)


class _Integers:
    """absl parser of comma-separated integers."""

    syntactic_help = "comma-separated integers"

    def parse(self, argument):
        if isinstance(argument, (tuple, list)):
            return tuple(argument)
        return tuple(int(part) for part in argument.split(",") if part.strip())

    def flag_type(self):
        return "integers"


class _IntegersSerializer:
    def serialize(self, value):
        return ",".join(map(str, value))
