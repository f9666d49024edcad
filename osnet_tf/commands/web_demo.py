"""Serves a page, to this machine only, where crops are dropped and compared in the browser.

    npm ci --prefix osnet_tf/web      (once: it fetches LiteRT.js)
    python train/web_demo.py --model_dir=saved_models/NAME

The folder is one that train/export.py wrote. The page runs its .tflite file; nothing is uploaded.
"""

import threading

from absl import flags

from osnet_tf.commands import command_line
from osnet_tf.web import web_demo

FLAGS = flags.FLAGS


def define_flags():
    flags.DEFINE_string("model_dir", None, "Folder with model.json.", required=True)
    flags.DEFINE_integer("port", 8000, "Port on 127.0.0.1; 0 takes any free one.", 0, 65535)
    flags.DEFINE_string(
        "node_modules", None, "Where npm put @litertjs/core (default: osnet_tf/web/node_modules)."
    )


def main(_):
    with web_demo(FLAGS.model_dir, port=FLAGS.port, node_modules=FLAGS.node_modules) as address:
        command_line.say(f"Open {address} in a browser. Ctrl-C stops it.")
        threading.Event().wait()
