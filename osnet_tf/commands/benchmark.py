"""Prints tables that are computed and measured, not typed in.

python train/benchmark.py --table=ablation
python train/benchmark.py --table=pipeline --dataset=market1501 --data_dir=DIR
python train/benchmark.py --table=training --preset=osnet_x0_25
python train/benchmark.py --table=inference --preset=osnet_x0_25 --public_code=CHECKOUT
python train/benchmark.py --table=latency --preset=osnet_x0_25
python train/benchmark.py --table=pixels --model=x.keras --dataset=market1501 --data_dir=DIR
python train/benchmark.py --table=identities --model=x.keras --dataset=market1501 --data_dir=DIR
python train/benchmark.py --table=ranking --size=msmt17
python train/benchmark.py --table=search --crops=10000,100000
"""

from absl import flags

from osnet_tf.benchmarks import TABLES
from osnet_tf.commands import command_line
from osnet_tf.metrics import ranking_cost

FLAGS = flags.FLAGS


def define_flags():
    flags.DEFINE_enum(
        "table",
        "ablation",
        list(TABLES),
        " ".join(f"{name}: {function.__doc__}" for name, function in TABLES.items()),
    )
    flags.DEFINE_string("dataset", "demo", "Whose images pipeline, pixels and identities read.")
    flags.DEFINE_string("model", None, "A .keras file, for pixels and identities.")
    flags.DEFINE_string("data_dir", "data", "Folder of the datasets.")
    flags.DEFINE_integer("height", 128, "Height that they are resized to.", lower_bound=1)
    flags.DEFINE_integer("width", 64, "Width.", lower_bound=1)
    flags.DEFINE_string(
        "preset", "osnet_x1_0", "Architecture whose inference or training is measured."
    )
    flags.DEFINE_integer("batch_size", 64, "Images in a step of training.", lower_bound=1)
    flags.DEFINE_string(
        "public_code", None, "A checkout of KaiyangZhou/deep-person-reid, to measure PyTorch too."
    )
    flags.DEFINE_enum(
        "size", "market1501", list(ranking_cost.SIZES), "Test set whose numbers (re)ranking takes."
    )
    flags.DEFINE_list("crops", ["10000"], "Sizes of the galleries that are searched.")
    flags.DEFINE_list(
        "galleries", [], "Kinds of them, by a part of their names: sqlite,hnsw (default: all)."
    )
    flags.DEFINE_list(
        "features", [], "QUERY.npz,GALLERY.npz that embed.py wrote, in place of made-up features."
    )


def main(_):
    if FLAGS.table not in ("ranking", "reranking", "search"):
        command_line.load_tensorflow()
    text = TABLES[FLAGS.table](
        dataset=FLAGS.dataset,
        data_dir=FLAGS.data_dir,
        model=FLAGS.model,
        preset=FLAGS.preset,
        batch_size=FLAGS.batch_size,
        public_code=FLAGS.public_code,
        size=(FLAGS.height, FLAGS.width),
        size_of=FLAGS.size,
        features=FLAGS.features,
        crops=FLAGS.crops,
        galleries=FLAGS.galleries,
    )
    command_line.say(text)
