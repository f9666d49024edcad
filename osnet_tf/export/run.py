"""Export of a trained run, checked on crops of its own dataset."""

import numpy as np

from osnet_tf.data.pipeline import image_dataset, naming_bad_images
from osnet_tf.export.export import export
from osnet_tf.model_source import load_source
from osnet_tf.models import model_size

#: Query images that the artefacts are checked on.
CHECK_IMAGES = 100


def export_run(run_dir, output_dir, **source):
    """Exports a run's model, or a `.keras` file, and checks it on query images.

    Args:
        run_dir: Directory of a run, or None with `model=`.
        output_dir: Folder of the artefacts.
        **source: `model`, `dataset` and `data_dir` as in `osnet_tf.model_source.load_source`; a
            model without a dataset is checked on the demo people.

    Returns, raises: as `osnet_tf.export.export`.
    """
    embedder, dataset = load_source(run_dir=run_dir, default_dataset="demo", **source)
    step = max(1, len(dataset.query) // CHECK_IMAGES)
    paths = [sample.path for sample in dataset.query[::step][:CHECK_IMAGES]]
    batches = image_dataset(paths, model_size(embedder), batch_size=CHECK_IMAGES)
    with naming_bad_images(paths):
        images = np.concatenate([batch.numpy() for batch in batches])
    return export(embedder, output_dir, images)
