"""What is exported and how it is judged: one frozen dataclass, which the flags are made from."""

import re
from dataclasses import dataclass
from typing import NamedTuple

from osnet_tf.config import Config, setting
from osnet_tf.export.clients import CLIENTS
from osnet_tf.export.formats import GATES, PRECISIONS, WRITTEN, Artefact
from osnet_tf.export.input_spec import DTYPES, LAYOUTS, NORMALIZATIONS, PIXELS, InputSpec

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
    layout: str = setting(
        "nhwc", "Axes of the images of all files but the SavedModel.", choices=LAYOUTS
    )
    input: str = setting("uint8", "Dtype of these images; float: float32.", choices=DTYPES)
    normalization: str = setting(
        "inside",
        "Of these images: inside, the file takes 0..255 and normalises; unit, it takes 0..1 and "
        "normalises; outside, the program hands over (x / 255 - mean) / std.",
        choices=NORMALIZATIONS,
    )
    client: str = setting(
        "", "Program that loads the files: writes what it wants.", choices=("", *CLIENTS)
    )
    file_name: str = setting("model", "What the files' names begin with.")
    l2_normalize: bool = setting(False, "Give embeddings of length 1.")
    calibration_images: int = setting(
        128, "Training images that int8 takes its ranges from.", minimum=1
    )
    integer_io: bool = setting(
        False, "int8 files give uint8 embeddings, with scale and zero point."
    )
    gates: str = setting(
        "float",
        "Of int8 files: float, where they are computed; int8, and the embeddings are integers too: "
        "no float operator, for NPUs and Edge TPUs.",
        choices=GATES,
    )
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

    def check_together(self) -> None:
        self._check_list("formats", tuple(WRITTEN))
        self._check_list("precisions", PRECISIONS)
        for name in ("batch_sizes", "threads"):
            value = getattr(self, name)
            self.check(name, value, "must name a number")
            self.check(name, len(set(value)) == len(value), "must name each number once")
        int8 = any(artefact.precision == "int8" for artefact in self.artefacts)
        self.check("integer_io", int8 or not self.integer_io, "is for the precision int8")
        self.check("gates", int8 or self.gates == "float", "is for the precision int8")
        pixels = self.input == "uint8"
        self.check("normalization", not pixels or self.normalization == "inside",
                   "needs input=float")  # fmt: skip
        quantized = set(self.listed("precisions")) & {"int8", "dynamic"}
        plain = "tflite" not in self.listed("formats") or self.takes == PIXELS or not quantized
        self.check("precisions", plain, "must be fp32 or fp16 with other images than uint8 NHWC")
        good = re.fullmatch(r"[\w.-]+", self.file_name, re.ASCII) and self.file_name[0] not in ".-"
        self.check("file_name", bool(good), "must consist of letters, digits, _, - and .")
        # 512 values of length 1 are about 0.04 each, and int8 would count them in steps of 1/128
        self.check("l2_normalize", not (int8 and self.l2_normalize), "is not for int8")

    def _check_list(self, name, choices):
        listed = self.listed(name)
        good = listed and set(listed) <= set(choices) and len(set(listed)) == len(listed)
        self.check(name, good, f"must be some of {', '.join(choices)}, each once")

    @property
    def takes(self) -> InputSpec:
        """The `InputSpec` of `.tflite`, `.onnx` and OpenVINO files."""
        return InputSpec(self.layout, self.input, self.normalization)

    def listed(self, name: str) -> tuple[str, ...]:
        """A comma-separated setting as a tuple."""
        return tuple(part for part in getattr(self, name).split(",") if part)

    @property
    def artefacts(self) -> tuple[Artefact, ...]:
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
                wanted.append(self._of_any_batch(name))
        return tuple(wanted)

    def _of_any_batch(self, name):
        if name == "saved_model":
            return Artefact("1", "saved_model")
        # The folder's name is the one by which programs know what lies in it
        ending = "_openvino_model" if name == "openvino" else f".{name}"
        return Artefact(f"{self.file_name}{ending}", WRITTEN[name], takes=self.takes)

    def _litert(self, precision, batch_size):
        suffix = "" if precision == "fp32" else f"_{precision}"
        suffix += "" if batch_size == 1 else f"_b{batch_size}"
        name = f"{self.file_name}{suffix}.tflite"
        gates = self.gates if precision == "int8" else "float"
        integer_io = precision == "int8" and (self.integer_io or gates == "int8")
        return Artefact(name, "litert", precision, batch_size, integer_io, self.takes, gates)

    def tolerance(self, precision: str) -> Tolerance:
        """The `Tolerance` of files of a precision."""
        if precision in ("dynamic", "int8"):
            return Tolerance(self.min_cosine_quantized, self.max_map_drop_quantized)
        if precision == "fp16":
            return Tolerance(self.min_cosine_fp16, self.max_map_drop)
        return Tolerance(self.min_cosine, self.max_map_drop)


def export_config(**settings):
    """A config with what its client wants, if one is named, and `settings` on top.

    Raises ConfigError as `ExportConfig`.

    >>> export_config(client="ultralytics").takes
    InputSpec(layout='nchw', dtype='float', normalization='unit')
    """
    client = CLIENTS.get(settings.get("client"))
    return ExportConfig.from_dict({**(client.settings if client else {}), **settings})
