"""The training images of an epoch, which may be smaller than the model's."""

import dataclasses

from osnet_tf.data.augmentation import Augmentation
from osnet_tf.data.pipeline import DecodedImages
from osnet_tf.training.progressive import scale_in, scaled_size


class ImagesBySize:
    """From an epoch to its images, of the size that `osnet_tf.training.progressive` says.

    Smaller ones are decoded when their first epoch comes; one smaller size is held at a time.

    Args:
        images: `DecodedImages` of the model's size.
        config: A `TrainingConfig`.
    """

    def __init__(self, images, config):
        self._whole = self._held = images
        self._config = config
        self._augmentation = Augmentation(**config.augmentation.to_dict())

    def __call__(self, epoch):
        """(`DecodedImages`, `Augmentation`) of an epoch, from 0; the padding is scaled too."""
        scale = scale_in(epoch, self._config.data)
        if scale == 1.0:
            self._held = self._whole
            return self._whole, self._augmentation
        size = scaled_size(self._whole.size, scale)
        if self._held.size != size:
            budget = int(self._config.run.cache_gib * 2**30)
            self._held = None  # before the next is made
            self._held = DecodedImages(self._whole.paths, size, budget=budget)
        pad = round(scale * self._augmentation.pad)
        return self._held, dataclasses.replace(self._augmentation, pad=pad)
