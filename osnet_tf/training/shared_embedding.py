"""An evaluation's images embedded by all hosts of a run; the chief ranks what comes back."""

import shutil
import uuid

import numpy as np

from osnet_tf.embedding import embed_paths
from osnet_tf.embedding.hosts import AcrossHosts
from osnet_tf.errors import OSNetError
from osnet_tf.files import read_arrays, read_json, table_writer, write_json
from osnet_tf.runs import make_folder

_JOB = "job.json"


class SharedEmbedding(AcrossHosts):
    """The chief asks, and the other hosts of its run embed their shares.

    The chief writes what is to be embedded into a folder that all hosts share and announces it;
    each host embeds every n-th image, and leaves its embeddings there. What another host cannot
    embed, such as an image that it cannot read, the chief embeds itself. A host that ends ends the
    others, as in a step of training.

    Args:
        workers: The run's `Workers`.
        folder: A folder that all hosts see; made with the first job.
    """

    def __init__(self, workers, folder):
        self._workers = workers
        self._folder = folder
        self._models = {}

    def know(self, **models):
        """Tells which models there are, by name: the same on every host, before each evaluation.

        Args:
            **models: `keras.Model`s, or None.
        """
        self._models = {name: model for name, model in models.items() if model is not None}

    def embed(self, model, paths, embed, **options):
        name = self._name_of(model)
        if name is None:  # a model of the task's own, which the others do not have
            return embed(paths)
        workers, job = self._workers, uuid.uuid4().hex
        make_folder(self._folder)
        write_json(
            self._folder / _JOB, {"job": job, "model": name, "paths": paths, "options": options}
        )
        workers.from_chief(1)
        found = {0: embed(paths[:: workers.count])}
        workers.wait()
        for rank in range(1, workers.count):
            share = paths[rank :: workers.count]
            found[rank] = self._left_by(rank, job, len(share))
            if found[rank] is None:
                found[rank] = embed(share)
        features = np.empty((len(paths), model.output_shape[-1]), np.float32)
        for rank, rows in found.items():
            features[rank :: workers.count] = rows
        return features

    def done(self):
        """Sends the other hosts on."""
        self._workers.from_chief(0)
        shutil.rmtree(self._folder, ignore_errors=True)  # what is left of it harms nobody

    def assist(self):
        """What the other hosts do while the chief evaluates: they embed until it is done.

        Returns:
            How many images this host has embedded.
        """
        workers, embedded = self._workers, 0
        while workers.from_chief(0):
            path = self._path(workers.rank)
            try:
                job = read_json(self._folder / _JOB)
                share = job["paths"][workers.rank :: workers.count]
                rows = embed_paths(self._models[job["model"]], share, **job["options"])
                table_writer(path, (".npz",))({"job": [job["job"]], "rows": rows})
                embedded += len(share)
            except (
                OSNetError,
                OSError,
            ):  # the chief finds nothing of this job, and sees for itself
                pass
            workers.wait()
        return embedded

    def _name_of(self, model):
        return next((name for name, one in self._models.items() if _are_alike(one, model)), None)

    def _path(self, rank):
        return self._folder / f"share-{rank}.npz"

    def _left_by(self, rank, job, count):
        """The rows that a host left of this job; None if it left none."""
        try:
            found = read_arrays(self._path(rank), ("job", "rows"))
        except (OSNetError, OSError):
            return None
        fits = found["job"].tolist() == [job] and len(found["rows"]) == count
        return found["rows"] if fits else None


def _are_alike(one, other):
    """Whether two models are made of the same layers, up to those without weights."""
    if one is other:
        return True
    layers = [{id(layer) for layer in model.layers if layer.weights} for model in (one, other)]
    return layers[0] == layers[1] and one.output_shape == other.output_shape
