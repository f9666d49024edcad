"""Progressive resizing: training begins with small images, which cost less."""

from osnet_tf.training.config import LEAST_SIZE


def scale_in(epoch, config):
    """How large the training images of an epoch are, as a share of the model's height and width.

    Args:
        epoch: From 0.
        config: A `DataConfig`: progressive_epochs and progressive_scale count.

    Returns:
        From `progressive_scale` in equal steps to 1.

    Reference: Howard and Gugger 2020, "Deep Learning for Coders", chapter 7; Tan and Le 2021
    (arXiv 2104.00298), section 3.2.

    >>> from osnet_tf.training.config import DataConfig
    >>> config = DataConfig(progressive_epochs=(2, 4))
    >>> [scale_in(epoch, config) for epoch in range(6)]
    [0.5, 0.5, 0.75, 0.75, 1.0, 1.0]
    """
    grows = config.progressive_epochs
    if not grows:
        return 1.0
    done = sum(epoch >= grown for grown in grows) / len(grows)
    return config.progressive_scale + (1.0 - config.progressive_scale) * done


def scaled_size(size, scale):
    """`(height, width)` of images of a scale: rounded, and no smaller than a model can take.

    >>> scaled_size((256, 128), 0.75), scaled_size((32, 16), 0.5)
    ((192, 96), (16, 13))
    """
    return tuple(min(n, max(round(scale * n), LEAST_SIZE)) for n in size)
