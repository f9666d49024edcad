"""Trains OSNet, evaluates it, and with --export exports it.

python train/fit.py --recipe=demo
python train/fit.py --dataset=market1501 --data_dir=DIR --recipe=cpu --run_dir=runs/mine
python train/fit.py --run_dir=runs/mine --resume
"""

from datetime import datetime
from pathlib import Path

from absl import flags

from osnet_tf import command_line, report
from osnet_tf.training import RECIPES, ConfigError, RunDir, make_config

RUN_DIR = flags.DEFINE_string("run_dir", None, "Directory of the run (default: runs/NAME).")
RECIPE = flags.DEFINE_string("recipe", "", "Named settings: " + report.recipe_lines(RECIPES))
RESUME = flags.DEFINE_boolean("resume", False, "Go on from the newest checkpoint in --run_dir.")
PROFILE = flags.DEFINE_boolean("profile", False, "Show where the time of a step goes.")
EXPORT = flags.DEFINE_boolean("export", False, "Export a SavedModel and a TFLite file too.")
command_line.define_config_flags()


def main(_):
    given = command_line.config_flags()
    if RESUME.value:
        if not RUN_DIR.value:
            raise ConfigError("run_dir", "must be given with --resume", RUN_DIR.value)
        run_dir = RunDir(RUN_DIR.value)
        config = run_dir.read_config()
        for name, value in given.items():
            if getattr(config, name) != value:
                raise ConfigError(name, f"is {getattr(config, name)} in the run to resume", value)
    else:
        config = make_config(RECIPE.value, **given)
        stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
        run_dir = RunDir(RUN_DIR.value or f"runs/{config.dataset}-{config.preset}-{stamp}")

    command_line.load_tensorflow()  # only now that the flags are known to be good
    from osnet_tf.training import fit, read_profile

    print(f"{config.preset} at {config.height}x{config.width} on {config.dataset}: {run_dir.path}")
    results = fit(
        config,
        run_dir.path,
        resume=RESUME.value,
        profile=PROFILE.value,
        show_progress=True,
        notify=command_line.notify,
    )
    if not results:  # the chief has them
        return
    print(report.results_table(results))
    if PROFILE.value:
        print(report.profile_table(read_profile(run_dir.tensorboard)))

    if EXPORT.value:
        from osnet_tf.export import export_run

        output_dir = Path("saved_models") / run_dir.path.name
        print(report.export_table(export_run(run_dir.path, output_dir)))
    print(report.next_steps(run_dir.path))


if __name__ == "__main__":
    command_line.run(main)
