"""Searches for training settings, judged by people held out of the training set (Optuna).

python train/sweep.py --recipe=demo --epochs=6 --evaluate_every=2 --trials=8 \
    --search=learning_rate=0.0005..0.01:log --search=erase=0,0.3,0.6 --output_dir=runs/sweep

The same command again goes on with it; more --trials add to it.
"""

import shlex
import sys

from absl import flags

from osnet_tf import command_line, report
from osnet_tf.training import RECIPES, make_config
from osnet_tf.training.search_space import parse_space

OUTPUT_DIR = flags.DEFINE_string("output_dir", "runs/sweep", "Folder of the trials and the table.")
RECIPE = flags.DEFINE_string("recipe", "", "Named settings: " + report.recipe_lines(RECIPES))
SEARCH = flags.DEFINE_multi_string(
    "search", [], "A setting and what to try: NAME=LOW..HIGH, NAME=LOW..HIGH:log or NAME=A,B,C."
)
TRIALS = flags.DEFINE_integer("trials", 10, "Trials in all.", lower_bound=1)
command_line.define_config_flags()


def main(_):
    config = make_config(RECIPE.value, **command_line.config_flags())
    space = parse_space(SEARCH.value)
    command_line.load_tensorflow()
    from osnet_tf.training import sweep

    trials = sweep(
        config,
        space,
        OUTPUT_DIR.value,
        trials=TRIALS.value,
        show_progress=True,
        notify=command_line.notify,
    )
    print(report.sweep_table(trials))
    print(f"written: {OUTPUT_DIR.value}/sweep.csv, {OUTPUT_DIR.value}/sweep.png")
    fixed = [
        flag for flag in sys.argv[1:] if not flag.startswith(("--search", "--trials", "--out"))
    ]
    best = [f"--{name}={value}" for name, value in trials[0].settings.items()]
    print(f"train with the best: python train/fit.py {shlex.join([*fixed, *best])}")


if __name__ == "__main__":
    command_line.run(main)
