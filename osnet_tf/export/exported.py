"""One exported file with all that is known about it: what `model.json` and the reports show."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from osnet_tf.export.formats import NOTHING_TOLD, Artefact, Graph
from osnet_tf.export.input_spec import PIXELS
from osnet_tf.export.model_json import sha256


@dataclass(frozen=True)
class Agreement:
    """How a file's embeddings compare with the Keras model's.

    Attributes:
        cosine_min, cosine_mean: Of the cosines between the two embeddings of each image.
        rank1, mAP: Fractions in [0, 1], or None where nothing is ranked.
        map_change: In percentage points against the Keras model, or None.
        error: What its runtime said if it does not run (its cosines and mAP count as 0 then); else
            None.
    """

    cosine_min: float
    cosine_mean: float
    rank1: float | None = None
    mAP: float | None = None
    map_change: float | None = None
    error: str | None = None


@dataclass(frozen=True)
class Exported:
    """An exported file.

    Attributes:
        artefact: What it is: `Artefact`.
        contents: Its single files, dicts {path, bytes, sha256}, as `stored_files` lists them.
        graph: What it is made of: `Graph`.
        agreement: `Agreement` with the Keras model; None if it was not compared.
        latency: Milliseconds of one batch by number of threads, or None.
        problems: Sentences; empty where it is within its tolerance.
    """

    artefact: Artefact
    contents: list
    graph: Graph = NOTHING_TOLD
    agreement: Agreement | None = None
    latency: Mapping | None = None
    problems: tuple = ()

    def entry(self):
        """Its entry of `files` in `model.json`."""
        single = self.contents[0]["path"] == self.artefact.name
        entry = {**self._described(), "sha256": self.contents[0]["sha256"] if single else None}
        entry["passed"] = not self.problems
        if not single:
            entry["contents"] = self.contents
        if self.graph.output:
            entry["output"] = dict(self.graph.output)
        if self.artefact.takes != PIXELS:
            entry["input"] = self.artefact.takes.describe()
        return entry

    def row(self):
        """Its entry of `artefacts` in `report.json`."""
        graph = self.graph._asdict()
        del graph["output"]
        return {
            **self._described(),
            **vars(self.agreement),
            **graph,
            "latency": self.latency,
            "problems": list(self.problems),
        }

    def _described(self):
        return {
            "path": self.artefact.name,
            "format": self.artefact.format,
            "precision": self.artefact.precision,
            "batch_size": self.artefact.batch_size,
            "bytes": sum(file["bytes"] for file in self.contents),
        }


def stored_files(path):
    """The single files of what was written at `path`, one file or a folder.

    Returns:
        List of dicts {path, bytes, sha256}, sorted; paths are relative to the folder of `path`.
    """
    path = Path(path)
    files = sorted(f for f in path.rglob("*") if f.is_file()) if path.is_dir() else [path]
    return [
        {
            "path": file.relative_to(path.parent).as_posix(),
            "bytes": file.stat().st_size,
            "sha256": sha256(file),
        }
        for file in files
    ]
