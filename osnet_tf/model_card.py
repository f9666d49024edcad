"""The card of a published model: what it is, what it takes, and what it must not be used for."""

import json

from osnet_tf.checks import check_text

_CARD = """\
---
{header}
---
# {name}

An OSNet (Omni-Scale Network, arXiv 1905.00953) that embeds images of people for person
re-identification: two crops of one person lie close together.

Architecture: {architecture}; {parameters:,} parameters.

## Use

```python
import numpy as np
import osnet_tf  # pip install osnet_tf[hub]

model = osnet_tf.from_preset("hf://USER/REPO")  # or the folder
embeddings = model.predict(np.zeros((1, {height}, {width}, 3), "uint8"))  # (1, {dim})
```

It takes RGB crops of one person, {size} (height x width), values 0..255 (uint8 or float), and
normalises them itself: subtract no mean. A crop is resized as a whole, bilinear and antialiased, as
`PIL.Image.resize` does. The embedding has {dim} float32 values and is not L2-normalised; compare by
cosine or Euclidean distance.

## Data and licence

{trained_on}

{licence}

## Intended use and limits

Research on re-identification and on efficient networks; searching footage that one may lawfully
search, with a person deciding on every match. Not for identifying or tracking people without a
legal ground, nor for decisions about a person made from a match alone. An embedding is biometric
data in many jurisdictions. Accuracy on other cameras, seasons and people is lower than on the test
set of the training data, often by half; the network leans on clothes. A distance is no probability:
choose a threshold on your own data.
{about}"""


def model_card(embedder, architecture, *, name, licence=None, trained_on=None, about=""):
    """The card of a model: Markdown, with the header that the Hugging Face Hub reads.

    Args:
        embedder: The model, as `osnet_tf.OSNet` returns.
        architecture: Its `osnet_tf.architecture.Architecture`.
        name, licence, trained_on, about: As `osnet_tf.save_to_preset` takes them.

    Returns:
        The text.

    Raises ArgumentError if one of them is no text.

    >>> from osnet_tf import OSNet, architecture_of
    >>> model = OSNet("osnet_x0_25", input_shape=(64, 32, 3))
    >>> card = model_card(model, architecture_of(model), name="mine", licence="mit")
    >>> card.splitlines()[1:3]
    ['library_name: osnet_tf', 'license: "mit"']
    """
    check_text(name=name, about=about, licence=licence or "", trained_on=trained_on or "")
    height, width = embedder.input_shape[1:3]
    header = ["library_name: osnet_tf"]
    if licence:
        header.append(f"license: {json.dumps(licence)}")  # a JSON text is one of YAML
    header += ["pipeline_tag: image-feature-extraction", "tags:"]
    header += [f"- {tag}" for tag in ("person-re-identification", "osnet", "keras")]
    return _CARD.format(
        header="\n".join(header),
        name=name,
        architecture=architecture,
        parameters=embedder.count_params(),
        height=height or 256,
        width=width or 128,
        size=f"{height or 'any'}x{width or 'any'}",
        dim=architecture.feature_dim,
        trained_on=f"Trained on: {trained_on or 'not stated'}.",
        licence=f"Licence: {licence}." if licence else "No licence is stated: ask the author.",
        about=f"\n{about.strip()}\n" if about.strip() else "",
    )
