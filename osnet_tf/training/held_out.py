"""What a config holds out of training, to choose settings by."""

from osnet_tf.config import ConfigError
from osnet_tf.data.held_out import hold_out_images


def without_held_out(dataset, config):
    """The dataset as `hold_out` of a config wants it: tested on a share of its training images.

    Args:
        dataset: A `ClassDataset` or `AttributeDataset`.
        config: A `TrainingConfig`.

    Raises ConfigError if nothing can be held out.
    """
    share = config.data.hold_out
    if not share:
        return dataset
    try:
        return hold_out_images(dataset, share, seed=config.run.seed)
    except ValueError as error:
        raise ConfigError("hold_out", f"does not fit: {error}", share) from None
