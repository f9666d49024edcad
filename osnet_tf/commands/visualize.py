"""Draws what a model answers, and what goes on inside it, as PNG.

python train/visualize.py --do=ranked --run_dir=runs/mine --worst=20
python train/visualize.py --do=activation --model=embedder.keras --images=a.jpg,b.jpg
python train/visualize.py --do=similarity --model=embedder.keras --images=a.jpg,b.jpg
python train/visualize.py --do=gates --run_dir=runs/mine --block=conv4_1
python train/visualize.py --do=map --run_dir=runs/mine --count=20
python train/visualize.py --do=curves --run_dir=runs/mine
"""

from absl import flags

from osnet_tf.commands import command_line

FLAGS = flags.FLAGS
_DO = ("ranked", "activation", "similarity", "gates", "map", "curves")


def define_flags():
    flags.DEFINE_enum(
        "do",
        "ranked",
        _DO,
        "ranked: queries and what they found. activation: where the last feature map is active. "
        "similarity: which parts make two images alike. gates: which scales each image uses, "
        "numbers over the dataset, images of like gates. map: the gallery by t-SNE. "
        "curves: a run's training.",
    )
    flags.DEFINE_string("run_dir", None, "A run of train/fit.py: its model and its dataset.")
    flags.DEFINE_string("model", None, "A .keras file of an embedder, in place of --run_dir.")
    flags.DEFINE_string("dataset", None, "Name of a dataset (default: the run's own).")
    flags.DEFINE_string("data_dir", None, "Folder of the datasets (default: the run's own).")
    flags.DEFINE_list(
        "images",
        [],
        "Files or folders, in place of the dataset's queries: for activation, gates, and, in "
        "pairs, similarity.",
    )
    flags.DEFINE_string(
        "output_dir", None, "Folder to write to (default: that of the model's evaluations)."
    )
    flags.DEFINE_integer(
        "count", 8, "How many queries, images, pairs or, for map, people (0: all).", lower_bound=0
    )
    flags.DEFINE_integer(
        "worst", 0, "So many queries that were answered worst, in place of any.", lower_bound=0
    )
    flags.DEFINE_integer("k", 10, "Gallery images of a query.", lower_bound=1)
    flags.DEFINE_enum("metric", "euclidean", ["euclidean", "cosine"], "Distance to rank by.")
    flags.DEFINE_string("block", "conv4_1", "Block whose gates are drawn, conv2_0 to conv4_1.")
    flags.DEFINE_integer("clusters", 4, "Clusters of images with like gates.", lower_bound=0)
    flags.DEFINE_integer("seed", 0, "Decides which queries and people.", lower_bound=0)
    flags.DEFINE_integer("batch_size", 256, "Images in a batch.", lower_bound=1)


def main(_):
    command_line.load_tensorflow()
    from osnet_tf.visualize.writing import write_pictures

    written = write_pictures(
        FLAGS.do,
        run_dir=FLAGS.run_dir,
        model=FLAGS.model,
        dataset=FLAGS.dataset,
        data_dir=FLAGS.data_dir,
        images=FLAGS.images,
        output_dir=FLAGS.output_dir,
        count=FLAGS.count,
        worst=FLAGS.worst,
        k=FLAGS.k,
        metric=FLAGS.metric,
        block=FLAGS.block,
        clusters=FLAGS.clusters,
        seed=FLAGS.seed,
        batch_size=FLAGS.batch_size,
        show_progress=True,
    )
    command_line.say(f"written: {', '.join(map(str, written))}")
