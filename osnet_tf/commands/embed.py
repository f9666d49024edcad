"""Embeds all images of a folder into one file: path, pid, camid and embedding of each.

    python train/embed.py --model=embedder.keras --images=FOLDER --output=out.npz

pid and camid are read from file names such as 0002_c1s1_000451_03.jpg (pid 2, camid 0); others
get -1. Images that cannot be read are left out and listed, and files that are no images counted,
unless --strict, which stops at either.
"""

from absl import flags

from osnet_tf.commands import command_line

FLAGS = flags.FLAGS


def define_flags():
    flags.DEFINE_string(
        "model", None, "A .keras file of an embedder, or a published model.", required=True
    )
    flags.DEFINE_string("images", None, "Folder; every image below it.", required=True)
    flags.DEFINE_string(
        "output", None, "File to write: .npz, or .parquet (needs pyarrow).", required=True
    )
    flags.DEFINE_boolean("normalize", False, "Bring each embedding to length 1.")
    flags.DEFINE_integer("batch_size", 256, "Images in a batch.", lower_bound=1)
    flags.DEFINE_boolean("strict", False, "Stop at a file that is no readable image.")


def main(_):
    command_line.load_tensorflow()
    from osnet_tf.data.image_files import in_words
    from osnet_tf.embedding import embed_folder

    result = embed_folder(
        FLAGS.model,
        FLAGS.images,
        FLAGS.output,
        normalize=FLAGS.normalize,
        batch_size=FLAGS.batch_size,
        strict=FLAGS.strict,
        show_progress=True,
    )
    images, length = result.embeddings.shape
    command_line.say(f"{FLAGS.output}: {images} images, {length} values each")
    if result.left_out:
        command_line.say(f"left out, because they are no images: {in_words(result.left_out)}")
    if result.failed:
        command_line.say(f"left out, because they cannot be read: {len(result.failed)}")
    for path, reason in result.failed:
        command_line.say(f"  {path} {reason}")
