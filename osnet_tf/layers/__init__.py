"""The layers that OSNet is made of. `keras.ops` only: they run on every Keras backend."""

from osnet_tf.layers.batch_norm import BatchNorm
from osnet_tf.layers.conv import ConvNorm, LightConv3x3
from osnet_tf.layers.gate import ChannelGate, LearnedGate
from osnet_tf.layers.heads import CenterDistances, CosineClassifier
from osnet_tf.layers.os_block import OSBlock
from osnet_tf.layers.pooling import GeneralizedMeanPooling2D

__all__ = [
    "BatchNorm",
    "CenterDistances",
    "ChannelGate",
    "ConvNorm",
    "CosineClassifier",
    "GeneralizedMeanPooling2D",
    "LearnedGate",
    "LightConv3x3",
    "OSBlock",
]
