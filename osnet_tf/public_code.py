"""The authors' PyTorch network, from a checkout of their code, to be measured beside ours.

`osnet_tf` neither has nor needs their code: KaiyangZhou/deep-person-reid, from GitHub.
"""

import importlib.util
import json
from pathlib import Path

import numpy as np

from osnet_tf.checks import optional_package
from osnet_tf.errors import NotFoundError
from osnet_tf.imagenet_colours import IMAGENET_MEAN, IMAGENET_STD


def public_network(directory, preset, num_classes=1):
    """A `torch.nn.Module` of the public code with random weights.

    Args:
        directory: A checkout of KaiyangZhou/deep-person-reid.
        preset: Name of the architecture, one of `osnet_tf.presets.PRESETS`.
        num_classes: Of the classifier, which it has in training only.

    Raises NotFoundError if `directory` is no such checkout, MissingPackageError without PyTorch.
    """
    kind = "osnet_ain" if "ain" in preset else "osnet"
    path = Path(directory, "torchreid", "models", f"{kind}.py")
    if not path.is_file():
        raise NotFoundError(
            f"{directory} is no checkout of KaiyangZhou/deep-person-reid: no {path}"
        )
    spec = importlib.util.spec_from_file_location(f"public_{kind}", path)
    module = importlib.util.module_from_spec(spec)
    with optional_package("The public code needs PyTorch", "pip install torch"):
        spec.loader.exec_module(module)
    return getattr(module, preset)(num_classes=num_classes, pretrained=False)


def save_public(embedder, directory, preset, folder):
    """Writes what `open_public` opens: the network with the weights of a Keras model.

    Returns the path of the file that says where the code and the weights are.
    """
    from osnet_tf.weights import save_torch

    weights, path = Path(folder, "public.pth"), Path(folder, "public.json")
    save_torch(embedder, weights, num_classes=1)
    path.write_text(json.dumps([str(Path(directory).absolute()), preset, str(weights)]))
    return str(path)


def open_public(path, num_threads=1, compiled=False):
    """Opens what `save_public` wrote: a function from uint8 images to float32 embeddings."""
    import torch

    torch.set_num_threads(num_threads)
    directory, preset, weights = json.loads(Path(path).read_text())
    network = public_network(directory, preset)
    state = torch.load(weights, weights_only=True)
    network.load_state_dict(state.get("state_dict", state))
    network = network.eval().to(memory_format=torch.channels_last)
    network = torch.compile(network) if compiled else network

    def run(images):
        with torch.inference_mode():
            return network(_normalised(images)).numpy()

    return run


def public_step(directory, preset, images, labels, *, compiled=False):
    """A function that trains the public network by one step of Adam, as `TrainingStep` does ours.

    Args:
        directory, preset: Those of `public_network`.
        images: uint8 `(batch, height, width, 3)`.
        labels: Their classes, int `(batch,)`.
        compiled: Through `torch.compile`.

    Returns:
        A function without arguments, to the loss.
    """
    with optional_package("The public code needs PyTorch", "pip install torch"):
        import torch

    network = public_network(directory, preset, int(np.max(labels)) + 1)
    network = network.train().to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)
    loss_of = torch.nn.CrossEntropyLoss(label_smoothing=0.1)
    forward = torch.compile(network) if compiled else network
    targets = torch.from_numpy(np.asarray(labels, np.int64))

    def step():
        optimizer.zero_grad()
        loss = loss_of(forward(_normalised(images)), targets)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step


def _normalised(images):
    import torch

    mean, deviation = (
        torch.tensor(values)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_STD)
    )
    # A view of other strides: of channels last already
    planes = torch.from_numpy(np.asarray(images)).permute(0, 3, 1, 2).float()
    return (planes / 255 - mean) / deviation
