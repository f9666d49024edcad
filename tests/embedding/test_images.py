"""Embeddings of files, folders and arrays."""

import keras
import numpy as np
import pytest
from PIL import Image

from osnet_tf.data import ImageError
from osnet_tf.embedding import embed, embed_paths
from osnet_tf.models import OSNet, add_classifier
from tests.embedding.pictures import SIZE, assert_close, damage


def test_a_folder_its_files_and_their_pixels_give_the_same(embedder, folder, pictures, expected):
    assert len(np.unique(expected.round(4), axis=0)) == len(pictures)
    root, paths = folder
    counted = []
    result = embed(embedder, root, batch_size=2, progress=counted.append)
    assert result.paths == tuple(paths)
    assert result.failed == ()
    assert counted == [2, 2, 1]
    assert_close(result.embeddings, expected)
    again = embed(embedder, np.array(paths[::-1]), on_error="skip")
    assert again.paths == tuple(paths[::-1])
    assert_close(again.embeddings, expected[::-1])
    assert_close(embed_paths(embedder, paths), expected)
    assert_close(embed(embedder, pictures, batch_size=2, progress=counted.append), expected)
    assert counted == [2, 2, 1] * 2


def test_arrays_of_any_kind(embedder, pictures, expected):
    same_size = np.stack([pictures[0], pictures[3]])
    assert_close(embed(embedder, same_size), expected[[0, 3]])
    assert_close(embed(embedder, keras.ops.convert_to_tensor(same_size)), expected[[0, 3]])
    assert_close(embed(embedder, same_size.astype("int64")), expected[[0, 3]])
    assert_close(embed(embedder, same_size.astype("float64") * 0.999 + 0.1), expected[[0, 3]])
    assert_close(embed(embedder, pictures[1][None]), expected[[1]])
    assert_close(embed(embedder, [same_size, pictures[1]]), expected[[0, 3, 1]])
    assert_close(embed(embedder, [Image.fromarray(pictures[4])]), expected[[4]])
    assert_close(embed(embedder, same_size[:0]), np.zeros((0, 512)))
    assert_close(embed(embedder, []), np.zeros((0, 512)))


def test_pictures_of_pillow_give_what_the_same_files_give(embedder, tmp_path, pictures):
    image = Image.fromarray(pictures[4])
    deep = Image.fromarray(np.random.default_rng(1).integers(0, 65536, (40, 20), "uint16"))
    modes = {
        **{f"{mode}.png": image.convert(mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA")},
        "I;16.png": deep,
        "CMYK.tif": image.convert("CMYK"),
    }
    for name, picture in modes.items():
        picture.save(tmp_path / name)
    found = embed(embedder, list(modes.values()))
    assert len(np.unique(found.round(4), axis=0)) == 5  # alpha and CMYK change nothing
    assert_close(found, embed(embedder, [tmp_path / name for name in modes]).embeddings)
    assert_close(embed(embedder, deep), found[6:7])
    wide = Image.fromarray(np.asarray(deep).astype("int32"))
    assert_close(embed(embedder, [pictures[4], wide]), found[[4, 6]])
    with pytest.raises(ImageError, match=r"image 1 has pixels of mode 'F'"):
        embed(embedder, [image, image.convert("F")])
    with pytest.raises(ImageError, match=r"image 0 has values of 7\.\.65536, not of 16 bits"):
        embed(embedder, Image.fromarray(np.array([[7, 65536]], "int32")))
    with pytest.raises(ValueError, match=r"Pictures of Pillow are RGB.*bgr=True"):
        embed(embedder, image, bgr=True)


def test_an_embedding_that_is_no_number_names_its_image(folder, pictures):
    _, paths = folder
    images = keras.Input((*SIZE, 3))
    infinite = keras.Model(images, keras.ops.log(1 - keras.ops.mean(images, (1, 2)) / 255))
    grey, white = np.full((2, *SIZE, 3), 9, "uint8"), np.full((*SIZE, 3), 255, "uint8")
    with pytest.raises(ImageError, match=r"^image 2 gets an embedding that is not finite"):
        embed(infinite, [grey, white, white], batch_size=2)
    model = OSNet("osnet_x0_25", input_shape=(*SIZE, 3), streams=1)
    model.set_weights([np.full_like(value, np.nan) for value in model.get_weights()])
    with pytest.raises(ImageError, match=f"^{paths[0]} gets an embedding that is not finite"):
        embed(model, paths)
    with pytest.raises(ImageError, match=f"^{paths[2]} gets an embedding that is not finite"):
        embed(model, ["nowhere.png", *paths[2:]], on_error="skip")


def test_the_colour_order_is_what_it_is_said_to_be(embedder, folder, pictures, expected):
    swapped = [np.ascontiguousarray(picture[..., ::-1]) for picture in pictures]
    assert np.abs(embed(embedder, swapped) - expected).max() > 1e-3
    assert_close(embed(embedder, swapped, bgr=True), expected)
    assert_close(embed(embedder, swapped[0][None], bgr=True), expected[:1])
    with pytest.raises(ValueError, match=r"Files are always read as RGB.*bgr=True"):
        embed(embedder, folder[0], bgr=True)


def test_normalised_embeddings(embedder, folder, pictures, expected):
    unit = expected / np.sqrt((expected.astype("float64") ** 2).sum(1, keepdims=True))
    assert_close(embed(embedder, pictures, normalize=True), unit)
    assert_close(embed(embedder, folder[0], normalize=True).embeddings, unit)
    assert_close(embed(embedder, folder[0], normalize=True, on_error="skip").embeddings, unit)


def test_an_embedding_of_zeros_stays_and_new_weights_count_at_once(pictures):
    model = OSNet("osnet_x0_25", input_shape=(*SIZE, 3))
    assert embed(model, pictures).any()
    beta = next(v for v in model.variables if v.path == "fc_norm/beta")
    beta.assign(np.full(beta.shape, -1e6))  # all is cut off by the last ReLU
    np.testing.assert_array_equal(embed(model, pictures, normalize=True), np.zeros((5, 512)))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (["a.png", np.zeros((4, 2, 3), "uint8")], r"paths or arrays, not both.*1 paths and 1 oth"),
        (np.zeros((4, 2, 3), "uint8"), r"an array of shape \(n, height.*shape=\(4, 2, 3\)"),
        (np.zeros((1, 3, 4, 2), "uint8"), r"shape=\(1, 3, 4, 2\), dtype=uint8"),
        (np.zeros((1, 4, 0, 3), "uint8"), r"shape=\(1, 4, 0, 3\)"),
        ([np.zeros((4, 2, 3), bool)], r"dtype=bool"),
        ([np.zeros((4, 2, 3)), np.zeros((0, 2, 3))], r"image 1: shape=\(0, 2, 3\)"),
        ([np.zeros((4, 2, 3)), np.full((4, 2, 3), 256)], r"image 1: 256\.\.256"),
        ([np.full((4, 2, 3), 256)], r"values of 0\.\.255. Received: 256\.\.256"),
        ([np.full((4, 2, 3), -0.5)], r"values of 0\.\.255. Received: -0\.5"),
        ([np.full((4, 2, 3), np.nan)], r"values of 0\.\.255. Received: nan"),
        ([np.full((4, 2, 3), 0.7)], r"lie in 0\.\.1: multiply them by 255. .* maximum of 0\.7"),
    ],
)
def test_what_is_no_image(embedder, source, message):
    with pytest.raises(ValueError, match=message):
        embed(embedder, source)


def test_other_invalid_arguments(embedder, tmp_path, pictures):
    with pytest.raises(ValueError, match=r"'raise', 'skip'. Received: on_error='ignore'"):
        embed(embedder, pictures, on_error="ignore")
    with pytest.raises(ValueError, match=r"`batch_size` must be an integer >= 1"):
        embed(embedder, pictures, batch_size=0)
    with pytest.raises(ValueError, match=r"no images \(JPEG, PNG, .*\) below .*"):
        embed(embedder, tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no folder nowhere$"):
        embed(embedder, "nowhere")
    (tmp_path / "a.png").touch()
    with pytest.raises(FileNotFoundError, match=r"a\.png: it is a file, so give a list"):
        embed(embedder, tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"leave the classifier off.*with 2 outputs"):
        embed(add_classifier(embedder, 3), pictures)
    with pytest.raises(ValueError, match=r"fixed input size"):
        embed(OSNet("osnet_x0_25", input_shape=(None, None, 3)), pictures)


def test_unreadable_files_are_skipped_only_when_asked(embedder, folder, expected):
    _, paths = folder
    damage(paths)
    counted = []
    result = embed(embedder, paths, on_error="skip", batch_size=2, progress=counted.append)
    assert result.paths == (paths[0], paths[2], paths[3])
    assert_close(result.embeddings, expected[[0, 2, 3]])
    assert result.failed == (
        (paths[1], "is truncated or corrupt"),
        (paths[4], "does not exist"),
    )
    assert counted == [2, 1, 2]  # all five, in the end
    with pytest.raises(ImageError, match=r"0002_c1s1_000451_03\.PNG is truncated"):
        embed(embedder, paths[:4])
    with pytest.raises(ImageError, match=r"z\.png does not exist"):
        embed(embedder, paths)
    nothing = embed(embedder, [paths[1], paths[4]], on_error="skip", normalize=True)
    assert nothing.paths == ()
    assert nothing.embeddings.shape == (0, 512)
    assert len(nothing.failed) == 2
