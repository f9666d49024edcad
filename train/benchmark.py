"""Prints tables that are computed, not typed in.

python train/benchmark.py --table=ablation
"""

from absl import flags

from osnet_tf import command_line, report

TABLE = flags.DEFINE_enum(
    "table", "ablation", ["ablation"], "ablation: parameters and multiply-adds of the paper's rows."
)


def main(_):
    command_line.load_tensorflow()
    from osnet_tf.ablations import ABLATIONS, cost_table
    from osnet_tf.progress_bar import progress_bar

    with progress_bar(True, len(ABLATIONS), "counting", unit="models") as count:
        rows = cost_table(progress=count)
    print(report.cost_table(rows))


if __name__ == "__main__":
    command_line.run(main)
