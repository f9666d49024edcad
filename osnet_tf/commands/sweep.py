"""Searches for training settings, judged by people held out of the training set (Optuna).

python train/sweep.py --recipe=demo --epochs=6 --evaluate_every=2 --trials=8 \
    --search=learning_rate=0.0005..0.01:log --search=erase=0,0.3,0.6 --output_dir=runs/sweep

The same command again goes on with it; more --trials add to it.
"""

import shlex

from absl import flags

from osnet_tf import report
from osnet_tf.commands import command_line
from osnet_tf.training import make_config
from osnet_tf.training.search_space import parse_space

FLAGS = flags.FLAGS


def define_flags():
    flags.DEFINE_string("output_dir", "runs/sweep", "Folder of the trials and the table.")
    command_line.define_recipe_flags()
    flags.DEFINE_multi_string(
        "search", [], "A setting and what to try: NAME=LOW..HIGH, NAME=LOW..HIGH:log or NAME=A,B,C."
    )
    flags.DEFINE_integer("trials", 10, "Trials in all.", lower_bound=1)
    command_line.define_config_flags()


def main(_):
    if command_line.told_recipe():
        return
    given = command_line.config_flags()
    config = make_config(FLAGS.recipe, **given)
    space = parse_space(FLAGS.search)
    command_line.load_tensorflow()
    from osnet_tf.training import sweep

    trials = sweep(
        config,
        space,
        FLAGS.output_dir,
        trials=FLAGS.trials,
        show_progress=True,
        notify=command_line.notify,
    )
    command_line.say(report.sweep_table(trials))
    command_line.say(f"written: {FLAGS.output_dir}/sweep.csv, {FLAGS.output_dir}/sweep.png")
    if trials[0].state == "complete":
        given.pop("hold_out", None)  # it is for choosing; what was chosen learns from everybody
        recipe = {"recipe": FLAGS.recipe} if FLAGS.recipe else {}
        command = command_of({**recipe, **given, **trials[0].settings})
        command_line.say(f"train with the best: python train/fit.py {command}")
    else:
        command_line.say("no trial came to its end")


def command_of(settings):
    """Settings as flags, for a shell.

    >>> command_of({"optimizer": "sgd", "step_epochs": (2, 4), "flip": True, "data_dir": "my data"})
    "--optimizer=sgd --step_epochs=2,4 --flip=true '--data_dir=my data'"
    """
    return shlex.join(f"--{name}={_text(value)}" for name, value in settings.items())


def _text(value):
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
