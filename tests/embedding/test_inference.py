import gc
import weakref

import keras
import numpy as np

from osnet_tf.embedding import embed
from osnet_tf.models import OSNet
from tests.embedding.pictures import SIZE


def test_a_model_is_not_kept_alive():
    model = OSNet("osnet_x0_25", input_shape=(*SIZE, 3))
    embed(model, np.zeros((1, *SIZE, 3), "uint8"))
    alive = weakref.ref(model)
    del model
    keras.backend.clear_session()
    gc.collect()
    assert alive() is None
