"""Evaluates a model: Rank-1/5/10/20 and mAP by Euclidean and cosine distance.

python train/evaluate.py --run_dir=runs/mine
python train/evaluate.py --model=embedder.keras --dataset=market1501 --data_dir=DIR
"""

from absl import flags

from osnet_tf import command_line, report

RUN_DIR = flags.DEFINE_string("run_dir", None, "A run of train/fit.py: its model and its dataset.")
MODEL = flags.DEFINE_string("model", None, "A .keras file, in place of --run_dir.")
DATASET = flags.DEFINE_string("dataset", None, "market1501 or demo (default: the run's own).")
DATA_DIR = flags.DEFINE_string("data_dir", None, "Folder of the datasets (default: the run's own).")
OUTPUT = flags.DEFINE_string(
    "output", None, "JSON file of the results (default: results.json in --run_dir)."
)
BATCH_SIZE = flags.DEFINE_integer("batch_size", 256, "Images in a batch.", lower_bound=1)


def main(_):
    command_line.load_tensorflow()
    from osnet_tf.evaluation import evaluate_file

    results, written = evaluate_file(
        run_dir=RUN_DIR.value,
        model=MODEL.value,
        dataset=DATASET.value,
        data_dir=DATA_DIR.value,
        output=OUTPUT.value,
        batch_size=BATCH_SIZE.value,
        show_progress=True,
    )
    print(report.results_table(results))
    if written:
        print(f"written: {written}")


if __name__ == "__main__":
    command_line.run(main)
