"""Exports a model to SavedModel and TFLite, and checks both against it on real crops.

python train/export.py --run_dir=runs/mine --output_dir=saved_models/mine
python train/export.py --model=embedder.keras --output_dir=saved_models/mine
"""

from pathlib import Path

from absl import flags

from osnet_tf import command_line, report

RUN_DIR = flags.DEFINE_string("run_dir", None, "A run of train/fit.py.")
MODEL = flags.DEFINE_string("model", None, "A .keras file, in place of --run_dir.")
OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", None, "Folder of the artefacts (default: saved_models/NAME)."
)
DATASET = flags.DEFINE_string(
    "dataset", None, "Whose crops check the artefacts (default: the run's own, else demo)."
)
DATA_DIR = flags.DEFINE_string("data_dir", None, "Folder of the datasets.")


def main(_):
    command_line.load_tensorflow()
    from osnet_tf.export import export_run

    source = Path(RUN_DIR.value or MODEL.value or "")
    artefacts = export_run(
        RUN_DIR.value,
        OUTPUT_DIR.value or Path("saved_models") / source.stem,
        model=MODEL.value,
        dataset=DATASET.value,
        data_dir=DATA_DIR.value,
    )
    print(report.export_table(artefacts))


if __name__ == "__main__":
    command_line.run(main)
