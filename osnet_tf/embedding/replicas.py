"""Inference spread over the replicas of a strategy."""

import tensorflow as tf

from osnet_tf.embedding.inference import inference_function


def over_replicas(model, strategy=None):
    """The model's inference on all of this host's replicas at once.

    Args:
        model: A model as `osnet_tf.OSNet` returns, of a fixed input size; one that was made in the
            strategy's scope has its weights on every replica.
        strategy: A `tf.distribute.Strategy`; None for the one device that TensorFlow chooses.

    Returns:
        A function from uint8 `(batch, height, width, 3)` to float32 `(batch, feature_dim)`. Batches
        are cut into contiguous parts, the first ones larger by one where they do not divide; those
        smaller than the number of replicas are not cut.

    Raises ArgumentError as `inference_function`.
    """
    run = inference_function(model)
    replicas = 1 if strategy is None else len(strategy.extended.worker_devices)
    if replicas == 1:
        return run

    @tf.function(reduce_retracing=True, autograph=False)
    def on_each(values):  # not `run`, whose trace reads the weights of one replica
        return strategy.run(lambda images: model(images, training=False), args=(values,))

    def on_all(images):
        if len(images) < replicas:
            return run(images)
        least, more = divmod(len(images), replicas)
        sizes = [least + (number < more) for number in range(replicas)]
        parts = iter(tf.split(images, sizes))
        values = strategy.experimental_distribute_values_from_function(lambda _: next(parts))
        found = strategy.experimental_local_results(on_each(values))
        with tf.device("CPU:0"):
            return tf.concat(found, axis=0)

    return on_all
