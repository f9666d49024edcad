"""Serves a page where crops are dropped, compared in the browser, and searched for in a gallery.

    npm ci --prefix osnet_tf/web      (once: it fetches LiteRT.js)
    python train/web_demo.py --model_dir=saved_models/NAME
    python train/web_demo.py --model_dir=saved_models/NAME --gallery=gallery.sqlite

The folder is one that train/export.py wrote. The page runs its .tflite file, and nothing is
uploaded, but to the gallery: the embedding of what is searched for, and crops that are added. Only
this machine may ask, unless --host says otherwise; then every request needs the token.
"""

import secrets
import threading
from contextlib import ExitStack
from pathlib import Path

from absl import flags

from osnet_tf.commands import command_line
from osnet_tf.web import web_demo
from osnet_tf.web.handler import LOOPBACK

FLAGS = flags.FLAGS


def define_flags():
    flags.DEFINE_string("model_dir", None, "Folder with model.json.", required=True)
    flags.DEFINE_string(
        "gallery",
        None,
        "NAME.sqlite, NAME.db (Milvus Lite) or http://HOST:19530 (Milvus); begun if need be.",
    )
    flags.DEFINE_string(
        "crops",
        None,
        "Folder of the crops that are added (default: NAME_crops beside the gallery).",
    )
    flags.DEFINE_string("host", "127.0.0.1", "Address to listen on; 0.0.0.0 for all networks.")
    flags.DEFINE_string(
        "token", None, "What every request must bring (default: made up, where --host is another)."
    )
    flags.DEFINE_integer("port", 8000, "Port; 0 takes any free one.", 0, 65535)
    flags.DEFINE_string(
        "node_modules", None, "Where npm put @litertjs/core (default: osnet_tf/web/node_modules)."
    )


def main(_):
    options = {"port": FLAGS.port, "node_modules": FLAGS.node_modules, "host": FLAGS.host}
    options["token"] = FLAGS.token
    if FLAGS.token is None and FLAGS.host not in LOOPBACK:
        options["token"] = secrets.token_urlsafe(24)
    with ExitStack() as stack:
        if FLAGS.gallery:
            from osnet_tf.export import read_manifest
            from osnet_tf.search import Gallery

            about = read_manifest(Path(FLAGS.model_dir))
            options["gallery"] = stack.enter_context(
                Gallery.open(
                    FLAGS.gallery,
                    fingerprint=about["fingerprint"],
                    dim=about["embedding"]["size"],
                )
            )
            beside = "gallery" if "://" in FLAGS.gallery else Path(FLAGS.gallery).with_suffix("")
            options["crops"] = FLAGS.crops or f"{beside}_crops"
        address = stack.enter_context(web_demo(FLAGS.model_dir, **options))
        command_line.say(f"Open {address} in a browser. Ctrl-C stops it.")
        threading.Event().wait()
