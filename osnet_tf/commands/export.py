"""Exports a model to SavedModel, LiteRT (TFLite), ONNX, OpenVINO, and compares each file with it.

python train/export.py --run_dir=runs/mine
python train/export.py --model=embedder.keras --output_dir=saved_models/mine \\
    --formats=saved_model,tflite,onnx --precisions=fp32,fp16,dynamic,int8 \\
    --dataset=market1501 --data_dir=DIR --evaluate=full
python train/export.py --run_dir=runs/mine --for=boxmot --file_name=osnet_x0_25_mine
"""

from absl import flags

from osnet_tf import report
from osnet_tf.commands import command_line
from osnet_tf.export.config import ExportConfig, export_config

FLAGS = flags.FLAGS


def define_flags():
    flags.DEFINE_string("run_dir", None, "A run of train/fit.py.")
    flags.DEFINE_string(
        "model", None, "A .keras file or a published folder, in place of --run_dir."
    )
    flags.DEFINE_string("output_dir", None, "Folder of the files (default: saved_models/NAME).")
    flags.DEFINE_string(
        "dataset",
        None,
        "Whose images calibrate and compare, one or several, a,b (default: the run's own, else "
        "demo).",
    )
    flags.DEFINE_string("data_dir", None, "Folder of the datasets (default: the run's own).")
    flags.DEFINE_float(
        "split_identities",
        None,
        "Share of the people who become query and gallery, of a dataset without a split of its "
        "own (default: the run's own, or 0.5).",
        lower_bound=0,
        upper_bound=1,
    )
    command_line.define_config_flags(ExportConfig)
    flags.DEFINE_alias("for", "client")


def main(_):
    config = export_config(**command_line.config_flags(ExportConfig))
    command_line.load_tensorflow()
    from osnet_tf.export import ExportMismatchError, export_run

    try:
        found = export_run(
            FLAGS.run_dir,
            FLAGS.output_dir,
            config,
            model=FLAGS.model,
            dataset=FLAGS.dataset,
            data_dir=FLAGS.data_dir,
            split_identities=FLAGS.split_identities,
            show_progress=True,
        )
    except ExportMismatchError as error:
        command_line.say(report.export_table(error.report))
        raise
    command_line.say(report.export_table(found))
    command_line.say(f"written: {found['output_dir']} (report.html shows this)")
