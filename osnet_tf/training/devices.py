"""Which devices train, and how they work together."""

import tensorflow as tf

from osnet_tf.config import ConfigError


def default_strategy(devices: str = "") -> tf.distribute.Strategy:
    """The strategy that the machine, TF_CONFIG and a choice of devices call for.

    Args:
        devices: Names such as "GPU:0,GPU:1" or "CPU:0"; "" for all GPUs, or the CPU.

    Returns:
        `MultiWorkerMirroredStrategy` where TF_CONFIG names several hosts, `MirroredStrategy` for
        several devices, `OneDeviceStrategy` for one that was chosen, TensorFlow's default
        otherwise.

    Raises ConfigError for a device that the machine does not have, or one chosen among several
    hosts: there TF_CONFIG and CUDA_VISIBLE_DEVICES choose.

    >>> type(default_strategy("CPU:0")).__name__
    'OneDeviceStrategy'
    >>> default_strategy("CPU:7")
    Traceback (most recent call last):
    osnet_tf.config.ConfigError: `devices` must be some of CPU:0, each once. \
Received: devices='CPU:7'
    """
    cluster = tf.distribute.cluster_resolver.TFConfigClusterResolver().cluster_spec().as_dict()
    several_hosts = sum(len(hosts) for hosts in cluster.values()) > 1
    if devices and several_hosts:
        raise ConfigError("devices", "is for a single host: there is a TF_CONFIG", devices)
    if several_hosts:
        return tf.distribute.MultiWorkerMirroredStrategy()
    if not devices:
        gpus = tf.config.list_physical_devices("GPU")
        return tf.distribute.MirroredStrategy() if len(gpus) > 1 else tf.distribute.get_strategy()
    chosen = [name.strip().upper() for name in devices.split(",")]
    there = [
        device.name.removeprefix("/device:")
        for kind in ("CPU", "GPU")
        for device in tf.config.list_logical_devices(kind)
    ]
    if not set(chosen) <= set(there) or len(set(chosen)) < len(chosen):
        raise ConfigError("devices", f"must be some of {', '.join(there)}, each once", devices)
    if len(chosen) == 1:
        return tf.distribute.OneDeviceStrategy(chosen[0])
    return tf.distribute.MirroredStrategy(chosen)


def use_xla(xla, strategy):
    """Whether to compile with XLA: "on", "off", or "auto", on a single GPU only.

    (On CPUs it is slower.)

    >>> [use_xla(xla, default_strategy("CPU:0")) for xla in ("on", "off", "auto")]
    [True, False, False]
    """
    if xla != "auto":
        return xla == "on"
    if isinstance(strategy, tf.distribute.OneDeviceStrategy):
        return "GPU" in strategy.extended.worker_devices[0]
    gpus = tf.config.list_physical_devices("GPU")
    return bool(gpus) and strategy.num_replicas_in_sync == 1
