"""Evaluates a model: a table, curves, an HTML page, results.json, thresholds for "same person".

python train/evaluate.py --run_dir=runs/mine
python train/evaluate.py --run_dir=runs/mine --dataset=market1501,demo --rerank
python train/evaluate.py --model=embedder.keras --dataset=market1501 --data_dir=DIR
python train/evaluate.py --model=embedder.keras --dataset=viper:all --data_dir=DIR
python train/evaluate.py --model=predictor.keras --dataset=cifar10 --data_dir=DIR
"""

from absl import flags

from osnet_tf import report
from osnet_tf.commands import command_line
from osnet_tf.evaluation import EvaluationConfig

FLAGS = flags.FLAGS


def define_flags():
    flags.DEFINE_string("run_dir", None, "A run of train/fit.py: its model and its dataset.")
    flags.DEFINE_string(
        "model",
        None,
        "A .keras file or a published folder, in place of --run_dir: an embedder; "
        "for a dataset of classes or attributes, a predictor or a converted classifier.",
    )
    flags.DEFINE_list(
        "dataset", [], "Names of datasets, such as market1501,demo (default: the run's own)."
    )
    flags.DEFINE_string("data_dir", None, "Folder of the datasets (default: the run's own).")
    flags.DEFINE_float(
        "split_identities",
        None,
        "Share of the people who become query and gallery, of a dataset without a split of its "
        "own (default: the run's own, or 0.5). --seed chooses them.",
        lower_bound=0,
        upper_bound=1,
    )
    flags.DEFINE_string(
        "output_dir",
        None,
        "Folder of results.json, pictures, results of each query (default: evaluation in the "
        "run's directory, or NAME_evaluation beside the file).",
    )
    flags.DEFINE_enum("per_query", "csv", ["csv", "parquet"], "Results of each query.")
    flags.DEFINE_boolean("report", True, "Write the HTML page too, with small copies of images.")
    flags.DEFINE_integer("batch_size", 256, "Images in a batch.", lower_bound=1)
    command_line.define_config_flags(EvaluationConfig)


def main(_):
    config = EvaluationConfig.from_dict(command_line.config_flags(EvaluationConfig))
    command_line.load_tensorflow()
    from osnet_tf.evaluation import evaluate_source

    record, output_dir = evaluate_source(
        config,
        run_dir=FLAGS.run_dir,
        model=FLAGS.model,
        datasets=FLAGS.dataset,
        data_dir=FLAGS.data_dir,
        split_identities=FLAGS.split_identities,
        seed=FLAGS.seed,
        output_dir=FLAGS.output_dir,
        per_query=FLAGS.per_query,
        report=FLAGS.report,
        batch_size=FLAGS.batch_size,
        show_progress=True,
    )
    command_line.say(report.evaluation_tables(list(record["datasets"].values())))
    if record["averages"]:
        command_line.say(report.averages_table(record["averages"]))
    command_line.say(f"written: {output_dir}")
