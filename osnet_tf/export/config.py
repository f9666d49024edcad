"""What is exported and how it is judged: one frozen dataclass, which the flags are made from."""

from dataclasses import dataclass
from typing import NamedTuple

from osnet_tf.config import Config, setting
from osnet_tf.export.formats import PRECISIONS, WRITTEN, Artefact

EVALUATIONS = ("auto", "full", "sample", "none")


class Tolerance(NamedTuple):
    """How far an artefact may differ from the Keras model.

    Attributes:
        min_cosine: The smallest cosine between its embedding of any image and the Keras model's.
        max_map_drop: How many percentage points of mAP it may lose.
    """

    min_cosine: float
    max_map_drop: float


@dataclass(frozen=True)
class ExportConfig(Config):
    """What an export writes, and how far its files may differ from the Keras model.

    Every field is a flag of `train/export.py` with the help text below.

    Raises ConfigError, which names the field, for a value outside its range.

    >>> ExportConfig(precisions="fp32,int8").listed("precisions")
    ('fp32', 'int8')
    """

    formats: str = setting("saved_model,tflite", f"Some of {', '.join(WRITTEN)}.")
    precisions: str = setting("fp32", f"Of the .tflite files: some of {', '.join(PRECISIONS)}.")
    batch_sizes: tuple[int, ...] = setting(
        (1,), "Batch sizes of the .tflite files; that of 8 is called model_b8.tflite.", minimum=1
    )
    l2_normalize: bool = setting(False, "Give embeddings of length 1.")
    calibration_images: int = setting(
        128, "Training images that int8 takes its ranges from.", minimum=1
    )
    integer_io: bool = setting(False, "int8 files give int8 embeddings, with scale and zero point.")
    seed: int = setting(
        0, "Seed of the choice of the calibration images.", minimum=0, maximum=2**32 - 1
    )
    evaluate: str = setting(
        "auto",
        "Rank-1 and mAP of each file on the test set: full; sample, on about 1000 of its images; "
        "none; auto, full where it has no more than 2000 images, sample where it has more, and "
        "none where there is nobody to find.",
        choices=EVALUATIONS,
    )
    min_cosine: float = setting(
        0.9999,
        "fp32: least cosine to the Keras embedding of each image.",
        minimum=-1,
        maximum=1,
    )
    min_cosine_fp16: float = setting(0.999, "fp16: least cosine.", minimum=-1, maximum=1)
    max_map_drop: float = setting(0.05, "fp32 and fp16: points of mAP that may be lost.", minimum=0)
    min_cosine_quantized: float = setting(
        0.9, "dynamic and int8: least cosine.", minimum=-1, maximum=1
    )
    max_map_drop_quantized: float = setting(0.5, "dynamic and int8: points of mAP.", minimum=0)
    latency_rounds: int = setting(
        20, "Runs that latency is the median of; 0: not measured.", minimum=0
    )
    threads: tuple[int, ...] = setting(
        (1, 2), "Numbers of threads to measure latency with.", minimum=1
    )

    def check_together(self):
        self._check_list("formats", tuple(WRITTEN))
        self._check_list("precisions", PRECISIONS)
        for name in ("batch_sizes", "threads"):
            value = getattr(self, name)
            self.check(name, value, "must name a number")
            self.check(name, len(set(value)) == len(value), "must name each number once")
        int8 = any(artefact.precision == "int8" for artefact in self.artefacts)
        self.check("integer_io", int8 or not self.integer_io, "is for the precision int8")
        # 512 values of length 1 are about 0.04 each, and int8 would count them in steps of 1/128
        self.check("l2_normalize", not (int8 and self.l2_normalize), "is not for int8")

    def _check_list(self, name, choices):
        listed = self.listed(name)
        good = listed and set(listed) <= set(choices) and len(set(listed)) == len(listed)
        self.check(name, good, f"must be some of {', '.join(choices)}, each once")

    def listed(self, name):
        """A comma-separated setting as a tuple."""
        return tuple(part for part in getattr(self, name).split(",") if part)

    @property
    def artefacts(self):
        """What is to be written: `Artefact`s in the order of the reports.

        >>> [a.name for a in ExportConfig(precisions="fp32,int8", batch_sizes=(1, 8)).artefacts]
        ['1', 'model.tflite', 'model_b8.tflite', 'model_int8.tflite', 'model_int8_b8.tflite']
        """
        wanted = []
        for name in (name for name in WRITTEN if name in self.listed("formats")):
            if name == "tflite":
                wanted += [
                    self._litert(precision, batch_size)
                    for precision in self.listed("precisions")
                    for batch_size in self.batch_sizes
                ]
            else:
                path = {"saved_model": "1"}.get(name, f"model.{name}")
                wanted.append(Artefact(path, WRITTEN[name]))
        return tuple(wanted)

    def _litert(self, precision, batch_size):
        suffix = "" if precision == "fp32" else f"_{precision}"
        suffix += "" if batch_size == 1 else f"_b{batch_size}"
        integer_io = self.integer_io and precision == "int8"
        return Artefact(f"model{suffix}.tflite", "litert", precision, batch_size, integer_io)

    def tolerance(self, precision):
        """The `Tolerance` of files of a precision."""
        if precision in ("dynamic", "int8"):
            return Tolerance(self.min_cosine_quantized, self.max_map_drop_quantized)
        if precision == "fp16":
            return Tolerance(self.min_cosine_fp16, self.max_map_drop)
        return Tolerance(self.min_cosine, self.max_map_drop)
