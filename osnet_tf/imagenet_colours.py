"""The project's only mean and standard deviation of colours."""

#: Mean of ImageNet's RGB channels, for values of 0..1 (the public OSNet weights were trained so).
IMAGENET_MEAN = (0.485, 0.456, 0.406)
#: Standard deviation of ImageNet's RGB channels, for values of 0..1.
IMAGENET_STD = (0.229, 0.224, 0.225)
