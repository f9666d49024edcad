"""What an exported file takes: its layout, its dtype, and who normalises."""

from typing import NamedTuple

import numpy as np

from osnet_tf.imagenet_colours import IMAGENET_MEAN, IMAGENET_STD

LAYOUTS = ("nhwc", "nchw")
DTYPES = ("uint8", "float")
NORMALIZATIONS = ("inside", "outside", "unit")


class InputSpec(NamedTuple):
    """What a file takes.

    Attributes:
        layout: "nhwc", `(batch, height, width, 3)`, or "nchw", `(batch, 3, height, width)`.
        dtype: "uint8" or "float" (float32).
        normalization: Where ImageNet's mean and standard deviation are applied. "inside": by the
            file, which takes 0..255. "unit": by the file, which takes 0..1. "outside": by the
            program, which hands over `(x / 255 - mean) / std`.

    >>> spec = InputSpec("nchw", "float", "outside")
    >>> spec.shape(1, (256, 128)), spec.range
    ((1, 3, 256, 128), [-2.117904, 2.64])
    """

    layout: str = "nhwc"
    dtype: str = "uint8"
    normalization: str = "inside"

    @property
    def numpy_dtype(self):
        """Name of the images' dtype."""
        return "uint8" if self.dtype == "uint8" else "float32"

    @property
    def range(self):
        """Lowest and highest value of an image, over all channels."""
        scale, offset = self._scale_and_offset()
        return [
            round(float(min(offset)), 6),
            round(float(max(255 * np.array(scale) + offset)), 6),
        ]

    def shape(self, batch_size, size):
        """The shape of a batch of images of `(height, width)`."""
        if self.layout == "nchw":
            return (batch_size, 3, *size)
        return (batch_size, *size, 3)

    def from_pixels(self, images):
        """What the file takes of uint8 RGB `(batch, height, width, 3)`: a NumPy array."""
        images = np.asarray(images)
        if self.dtype != "uint8":
            scale, offset = self._scale_and_offset()
            images = images.astype(np.float32) * np.float32(scale) + np.float32(offset)
        if self.layout == "nchw":
            images = np.ascontiguousarray(np.moveaxis(images, 3, 1))
        return images

    def describe(self):
        """A dict as `model.json` and the files' own metadata hold it."""
        where = {"inside": "in the model", "unit": "in the model", "outside": "by the program"}
        found = {
            "dtype": self.numpy_dtype,
            "layout": self.layout.upper(),
            "color_order": "RGB",
            "range": self.range if self.normalization == "outside" else list(map(int, self.range)),
            "normalization": where[self.normalization],
        }
        if self.normalization == "outside":  # of values of 0..255
            found["mean"] = [255 * value for value in IMAGENET_MEAN]
            found["std"] = [255 * value for value in IMAGENET_STD]
        return found

    @classmethod
    def of(cls, described):
        """The spec that `describe` gave this dict of.

        >>> InputSpec.of(InputSpec("nchw", "float", "unit").describe())
        InputSpec(layout='nchw', dtype='float', normalization='unit')
        """
        outside = described["normalization"] == "by the program"
        unit = list(described["range"]) == [0, 1]
        return cls(
            described["layout"].lower(),
            "uint8" if described["dtype"] == "uint8" else "float",
            "outside" if outside else "unit" if unit else "inside",
        )

    def _scale_and_offset(self):
        """What pixels of 0..255 are multiplied by, and what is added, for each channel."""
        if self.normalization == "outside":
            scale = [1 / (255 * value) for value in IMAGENET_STD]
            pairs = zip(IMAGENET_MEAN, IMAGENET_STD, strict=True)
            return scale, [-mean / value for mean, value in pairs]
        return [1 / 255 if self.normalization == "unit" else 1.0] * 3, [0.0] * 3


#: What the project's own programs hand over.
PIXELS = InputSpec()
