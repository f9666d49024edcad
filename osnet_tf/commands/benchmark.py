"""Prints tables that are computed and measured, not typed in.

python train/benchmark.py --table=ablation
python train/benchmark.py --table=pipeline --dataset=market1501 --data_dir=DIR
python train/benchmark.py --table=training --preset=osnet_x0_25
python train/benchmark.py --table=latency --preset=osnet_x0_25
python train/benchmark.py --table=ranking --size=msmt17
"""

from absl import flags

from osnet_tf import report
from osnet_tf.commands import command_line
from osnet_tf.metrics import ranking_cost
from osnet_tf.progress_bar import progress_bar

FLAGS = flags.FLAGS


def define_flags():
    flags.DEFINE_enum(
        "table",
        "ablation",
        ["ablation", "pipeline", "training", "latency", "crops", "ranking", "reranking"],
        "ablation: parameters and multiply-adds of the paper's rows. pipeline: images per second. "
        "training: images per second of the loop. latency: an image on the CPU runtimes. crops: "
        "the people in a frame on them. ranking, reranking: seconds and memory.",
    )
    flags.DEFINE_string("dataset", "demo", "Whose training images the pipeline reads.")
    flags.DEFINE_string("data_dir", "data", "Folder of the datasets.")
    flags.DEFINE_integer("height", 128, "Height that they are resized to.", lower_bound=1)
    flags.DEFINE_integer("width", 64, "Width.", lower_bound=1)
    flags.DEFINE_string(
        "preset", "osnet_x1_0", "Architecture whose latency or training is measured."
    )
    flags.DEFINE_enum(
        "size", "market1501", list(ranking_cost.SIZES), "Test set whose numbers (re)ranking takes."
    )
    flags.DEFINE_list(
        "features", [], "QUERY.npz,GALLERY.npz that embed.py wrote, in place of made-up features."
    )


def ablation():
    command_line.load_tensorflow()
    from osnet_tf.complexity import cost_table
    from osnet_tf.presets import ABLATIONS

    with progress_bar(True, len(ABLATIONS), "counting", unit="models") as count:
        return report.cost_table(cost_table(progress=count))


def pipeline():
    command_line.load_tensorflow()
    from osnet_tf.data import load_dataset
    from osnet_tf.data.throughput import measure_throughput

    paths = [sample.path for sample in load_dataset(FLAGS.dataset, FLAGS.data_dir).train]
    return report.throughput_table(measure_throughput(paths, (FLAGS.height, FLAGS.width)))


def training():
    command_line.load_tensorflow()
    from osnet_tf.training.step_rate import measure_step_rate

    rows = measure_step_rate(FLAGS.preset, (FLAGS.height, FLAGS.width))
    return report.throughput_table(rows)


def latency():
    command_line.load_tensorflow()
    from osnet_tf.export.crop_rate import measure_crops
    from osnet_tf.export.runtimes import compare_preset

    if FLAGS.table == "crops":
        return report.latency_table(measure_crops(FLAGS.preset), "person", "people")
    return report.latency_table(compare_preset(FLAGS.preset))


def evaluation():
    made_up = None if FLAGS.features else ranking_cost.make_features(ranking_cost.SIZES[FLAGS.size])
    sets = made_up or ranking_cost.read_features(*FLAGS.features)
    with progress_bar(True, None, FLAGS.table, unit="runs") as count:
        cost = ranking_cost.measure_cost(FLAGS.table, sets, progress=count)
    return report.evaluator_table([cost])


def main(_):
    tables = {"reranking": evaluation, "ranking": evaluation, "crops": latency, **globals()}
    command_line.say(tables[FLAGS.table]())
