"""Evaluates a model: one table, curves as PNG, results.json, thresholds for "same person".

python train/evaluate.py --run_dir=runs/mine
python train/evaluate.py --run_dir=runs/mine --dataset=market1501,demo --rerank
python train/evaluate.py --model=embedder.keras --dataset=market1501 --data_dir=DIR
"""

from absl import flags

from osnet_tf import command_line, report
from osnet_tf.evaluation import EvaluationConfig

RUN_DIR = flags.DEFINE_string("run_dir", None, "A run of train/fit.py: its model and its dataset.")
MODEL = flags.DEFINE_string("model", None, "A .keras file, in place of --run_dir.")
DATASET = flags.DEFINE_list(
    "dataset", [], "Names of datasets, such as market1501,demo (default: the run's own)."
)
DATA_DIR = flags.DEFINE_string("data_dir", None, "Folder of the datasets (default: the run's own).")
OUTPUT_DIR = flags.DEFINE_string(
    "output_dir",
    None,
    "Folder of results.json, pictures and the results of each query (default: evaluation in the "
    "run's directory, or NAME_evaluation beside the file).",
)
PER_QUERY = flags.DEFINE_enum("per_query", "csv", ["csv", "parquet"], "Results of each query.")
BATCH_SIZE = flags.DEFINE_integer("batch_size", 256, "Images in a batch.", lower_bound=1)
command_line.define_config_flags(EvaluationConfig)


def main(_):
    config = EvaluationConfig.from_dict(command_line.config_flags(EvaluationConfig))
    command_line.load_tensorflow()
    from osnet_tf.evaluation import evaluate_source

    record, output_dir = evaluate_source(
        config,
        run_dir=RUN_DIR.value,
        model=MODEL.value,
        datasets=DATASET.value,
        data_dir=DATA_DIR.value,
        output_dir=OUTPUT_DIR.value,
        per_query=PER_QUERY.value,
        batch_size=BATCH_SIZE.value,
        show_progress=True,
    )
    print(report.results_table(*record["datasets"].values()))
    print(f"written: {output_dir}")


if __name__ == "__main__":
    command_line.run(main)
