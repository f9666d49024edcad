"""Converts public PyTorch OSNet checkpoints to Keras, and back.

python train/convert.py --checkpoint=osnet_x0_25_imagenet.pth --output=osnet_x0_25.keras
python train/convert.py --checkpoint=osnet_x0_25.keras --output=back.pth --to_torch
"""

from absl import flags

from osnet_tf import command_line

CHECKPOINT = flags.DEFINE_string("checkpoint", None, "File to read.", required=True)
OUTPUT = flags.DEFINE_string("output", None, "File to write.", required=True)
HEIGHT = flags.DEFINE_integer("height", 256, "Height of a .keras file's images.", lower_bound=13)
WIDTH = flags.DEFINE_integer("width", 128, "Their width.", lower_bound=13)
CLASSIFIER = flags.DEFINE_boolean("classifier", False, "Keep the checkpoint's classifier.")
TO_TORCH = flags.DEFINE_boolean("to_torch", False, "Write a .pth from a .keras file (PyTorch).")
NUM_CLASSES = flags.DEFINE_integer(
    "num_classes", None, "With --to_torch: add a classifier of zeros where there is none."
)


def main(_):
    command_line.load_tensorflow()
    from osnet_tf.weights import convert, convert_to_torch

    if TO_TORCH.value:
        architecture = convert_to_torch(
            CHECKPOINT.value, OUTPUT.value, num_classes=NUM_CLASSES.value
        )
        print(f"{OUTPUT.value}: {architecture.preset}")
        return
    loaded = convert(
        CHECKPOINT.value,
        OUTPUT.value,
        classifier=CLASSIFIER.value,
        input_shape=(HEIGHT.value, WIDTH.value, 3),
    )
    print(f"{OUTPUT.value}: {loaded.architecture.preset}, {len(loaded.used)} tensors")
    print(f"left out: {', '.join(loaded.ignored[-2:])} ({len(loaded.ignored)} in all)")


if __name__ == "__main__":
    command_line.run(main)
