"""Trains OSNet, evaluates it, and with --export exports it.

python train/fit.py --recipe=demo
python train/fit.py --dataset=market1501 --data_dir=DIR --recipe=cpu --run_dir=runs/mine
python train/fit.py --run_dir=runs/mine --resume
"""

import re
from datetime import datetime
from pathlib import Path

from absl import flags

from osnet_tf import report
from osnet_tf.commands import command_line
from osnet_tf.runs import RunDir
from osnet_tf.training import ConfigError, make_config
from osnet_tf.training.recipes import recipe_settings
from osnet_tf.training.run_record import check_same_settings, read_config

FLAGS = flags.FLAGS


def define_flags():
    flags.DEFINE_string("run_dir", None, "Directory of the run (default: runs/NAME).")
    command_line.define_recipe_flags()
    flags.DEFINE_boolean("resume", False, "Go on from the newest checkpoint in --run_dir.")
    flags.DEFINE_boolean("profile", False, "Show where the time of a step goes.")
    flags.DEFINE_boolean(
        "export", False, "Measure thresholds, and export a SavedModel and a TFLite file too."
    )
    command_line.define_config_flags()


def main(_):
    if command_line.told_recipe():
        return
    run_dir, config = _resumed() if FLAGS.resume else _new()
    command_line.load_tensorflow()  # only now that the flags are known to be good
    from osnet_tf.training import fit, read_profile

    export_dir = Path("saved_models") / run_dir.path.name
    if FLAGS.export:
        from osnet_tf.export import check_can_export

        check_can_export(export_dir)  # not only after all the epochs

    model = config.model
    command_line.say(
        f"{model.preset} at {model.height}x{model.width} on {config.data.dataset}: {run_dir.path}"
    )
    result = fit(
        config,
        run_dir.path,
        resume=FLAGS.resume,
        profile=FLAGS.profile,
        show_progress=True,
        notify=command_line.notify,
    )
    if result is None:  # the chief has it
        return
    command_line.say(result.text)
    if FLAGS.profile:
        command_line.say(report.profile_table(read_profile(run_dir.tensorboard)))

    if FLAGS.export:
        from osnet_tf.evaluation import evaluate_source
        from osnet_tf.export import export_run

        if "euclidean" in result.results and not config.data.hold_out:
            # Distances that mean "the same person", for the model and for what is exported
            judged = evaluate_source(run_dir=run_dir.path, show_progress=True)[1]
            command_line.say(f"thresholds, curves, a page of HTML: {judged}")
        command_line.say(report.export_table(export_run(run_dir.path, export_dir)))
    command_line.say(report.next_steps(run_dir.path))


def _new():
    config = make_config(FLAGS.recipe, **command_line.config_flags())
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    dataset = re.sub(r"[^\w.]+", "-", config.data.dataset)  # of a,b or package.module:function
    return RunDir(FLAGS.run_dir or f"runs/{dataset}-{config.model.preset}-{stamp}"), config


def _resumed():
    if not FLAGS.run_dir:
        raise ConfigError("run_dir", "must be given with --resume", FLAGS.run_dir)
    run_dir = RunDir(FLAGS.run_dir)
    check_same_settings(run_dir, {**recipe_settings(FLAGS.recipe), **command_line.config_flags()})
    return run_dir, read_config(run_dir)
