"""Prints tables that are computed and measured, not typed in.

python train/benchmark.py --table=ablation
python train/benchmark.py --table=pipeline --dataset=market1501 --data_dir=DIR
"""

from absl import flags

from osnet_tf import command_line, report

TABLE = flags.DEFINE_enum(
    "table",
    "ablation",
    ["ablation", "pipeline"],
    "ablation: parameters and multiply-adds of the paper's rows. pipeline: images per second.",
)
DATASET = flags.DEFINE_string("dataset", "demo", "Whose training images the pipeline reads.")
DATA_DIR = flags.DEFINE_string("data_dir", "data", "Folder of the datasets.")
HEIGHT = flags.DEFINE_integer("height", 128, "Height that they are resized to.", lower_bound=1)
WIDTH = flags.DEFINE_integer("width", 64, "Width.", lower_bound=1)


def main(_):
    command_line.load_tensorflow()
    from osnet_tf.ablations import ABLATIONS, cost_table
    from osnet_tf.data import load_dataset
    from osnet_tf.data.throughput import measure_throughput
    from osnet_tf.progress_bar import progress_bar

    if TABLE.value == "pipeline":
        paths = [sample.path for sample in load_dataset(DATASET.value, DATA_DIR.value).train]
        print(report.throughput_table(measure_throughput(paths, (HEIGHT.value, WIDTH.value))))
        return
    with progress_bar(True, len(ABLATIONS), "counting", unit="models") as count:
        rows = cost_table(progress=count)
    print(report.cost_table(rows))


if __name__ == "__main__":
    command_line.run(main)
