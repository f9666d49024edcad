"""Converts public PyTorch OSNet checkpoints to Keras, and back; writes models to be published.

python train/convert.py --checkpoint=osnet_x0_25_imagenet.pth --output=osnet_x0_25.keras
python train/convert.py --checkpoint=osnet_x0_25.keras --output=back.pth --to_torch
python train/convert.py --checkpoint=runs/mine/embedder.keras --output=published --to_preset
python train/convert.py --checkpoint=hf://user/repo --output=osnet.keras
"""

from absl import flags

from osnet_tf.commands import command_line

FLAGS = flags.FLAGS

# What was left out is named so far; a checkpoint with more is no ordinary one.
_SHOWN = 40


def define_flags():
    flags.DEFINE_string("checkpoint", None, "File to read; or a published model.", required=True)
    flags.DEFINE_string("output", None, "File, or --to_preset a folder, to write.", required=True)
    flags.DEFINE_integer("height", 256, "Height of a .keras file's images.", lower_bound=13)
    flags.DEFINE_integer("width", 128, "Their width.", lower_bound=13)
    flags.DEFINE_boolean("classifier", False, "Keep the checkpoint's classifier.")
    flags.DEFINE_boolean("to_torch", False, "Write a .pth from a .keras file (PyTorch).")
    flags.DEFINE_boolean("to_preset", False, "Write a folder that can be published.")
    flags.DEFINE_string("licence", None, "With --to_preset: of the weights, such as mit.")
    flags.DEFINE_string("trained_on", None, "With --to_preset: the data, for the model card.")
    flags.DEFINE_integer(
        "num_classes",
        None,
        "With --to_torch: add a classifier of zeros where there is none.",
        lower_bound=1,
    )


def main(_):
    command_line.load_tensorflow()
    from osnet_tf.conversion import convert, convert_to_preset, convert_to_torch

    size = (FLAGS.height, FLAGS.width, 3)
    if FLAGS.to_preset:
        architecture = convert_to_preset(
            FLAGS.checkpoint,
            FLAGS.output,
            input_shape=size,
            licence=FLAGS.licence,
            trained_on=FLAGS.trained_on,
        )
        command_line.say(f"{FLAGS.output}: {architecture}, to be published")
        return

    if FLAGS.to_torch:
        architecture = convert_to_torch(
            FLAGS.checkpoint, FLAGS.output, num_classes=FLAGS.num_classes
        )
        command_line.say(f"{FLAGS.output}: {architecture}")
        return
    loaded = convert(
        FLAGS.checkpoint,
        FLAGS.output,
        classifier=FLAGS.classifier,
        input_shape=size,
    )
    counts = [name for name in loaded.left_out if name.endswith(".num_batches_tracked")]
    others = [name for name in loaded.left_out if name not in counts]
    if len(others) > _SHOWN:
        others[_SHOWN:] = [f"{len(others) - _SHOWN} more"]
    if counts:
        others.append(f"{len(counts)} counts of batches")
    command_line.say(f"{FLAGS.output}: {loaded.architecture}, {len(loaded.used)} tensors")
    command_line.say(f"left out: {', '.join(others) or 'nothing'}")
