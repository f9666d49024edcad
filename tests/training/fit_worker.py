"""One host of a whole run: `python -m tests.training.fit_worker RANK PORTS RUN_DIR DATA_DIR`.

Prints a JSON line: how many images this host embedded in evaluations, and the results if it is the
chief.
"""

import json
import os
import sys


def main(rank, ports, run_dir, data_dir):
    hosts = [f"127.0.0.1:{port}" for port in ports.split(",")]
    cluster = {"cluster": {"worker": hosts}, "task": {"type": "worker", "index": int(rank)}}
    os.environ["TF_CONFIG"] = json.dumps(cluster)
    from osnet_tf.embedding import files
    from osnet_tf.training import fit
    from tests.training.small_runs import config

    embedded, embed_batches = [], files.embed_batches
    files.embed_batches = lambda *arguments, **options: _count(
        embedded, embed_batches(*arguments, **options)
    )
    settings = config(data_dir, epochs=2, evaluate_every=1, average_decay=0.5, target="demo")
    result = fit(settings, run_dir)
    results = result and result.results
    print(json.dumps({"embedded": embedded, "results": results}), flush=True)


def _count(counts, rows):
    counts.append(len(rows))
    return rows


if __name__ == "__main__":
    main(*sys.argv[1:])
