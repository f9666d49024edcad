"""Embeds all images of a folder into one file: path, pid, camid and embedding of each.

    python train/embed.py --model=embedder.keras --images=FOLDER --output=out.npz

pid and camid are read from file names such as 0002_c1s1_000451_03.jpg (pid 2, camid 0); others
get -1. Images that cannot be read are left out and listed, unless --strict.
"""

from absl import flags

from osnet_tf import command_line

MODEL = flags.DEFINE_string("model", None, "A .keras file of an embedder.", required=True)
IMAGES = flags.DEFINE_string(
    "images", None, "Folder; every JPEG, PNG and BMP below it.", required=True
)
OUTPUT = flags.DEFINE_string(
    "output", None, "File to write: .npz, or .parquet (needs pyarrow).", required=True
)
NORMALIZE = flags.DEFINE_boolean("normalize", False, "Bring each embedding to length 1.")
BATCH_SIZE = flags.DEFINE_integer("batch_size", 256, "Images in a batch.", lower_bound=1)
STRICT = flags.DEFINE_boolean("strict", False, "Stop at an image that cannot be read.")


def main(_):
    command_line.load_tensorflow()
    from osnet_tf.embedding import embed_folder

    result = embed_folder(
        MODEL.value,
        IMAGES.value,
        OUTPUT.value,
        normalize=NORMALIZE.value,
        batch_size=BATCH_SIZE.value,
        strict=STRICT.value,
        show_progress=True,
    )
    images, length = result.embeddings.shape
    print(f"{OUTPUT.value}: {images} images, {length} values each")
    if result.failed:
        print(f"left out, because they cannot be read: {len(result.failed)}")
    for path, reason in result.failed:
        print(f"  {path} {reason}")


if __name__ == "__main__":
    command_line.run(main)
