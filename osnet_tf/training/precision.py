"""Reduced precision while training, float32 for what is kept."""

import contextlib

import keras


@contextlib.contextmanager
def dtype_policy(name):
    """Layers made in this context compute in `name`: "float32", "mixed_bfloat16", "mixed_float16".

    >>> with dtype_policy("mixed_bfloat16"):
    ...     layer = keras.layers.Dense(1)
    >>> layer.compute_dtype, keras.layers.Dense(1).compute_dtype
    ('bfloat16', 'float32')
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
