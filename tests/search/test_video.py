"""A clip of demo people: its boxes are crops with times, and a person is found in it again."""

import numpy as np
import pytest
from PIL import Image

from osnet_tf import CropEmbedder
from osnet_tf.data.pillow_images import read_rgb
from osnet_tf.errors import ArgumentError, FileError, NotFoundError
from osnet_tf.search import Gallery
from osnet_tf.search.frames import video_frames

RATE = 10


def write_clip(path, frames):
    """Without loss, so that the pixels are those that were drawn."""
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=RATE)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "bgr0"
        for pixels in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path


def write_folder(path, frames):
    """As MOTChallenge has them: img1/000001.png, and seqinfo.ini beside it."""
    (path / "img1").mkdir(parents=True)
    for number, pixels in enumerate(frames, start=1):
        Image.fromarray(pixels).save(path / "img1" / f"{number:06d}.png")
    (path / "seqinfo.ini").write_text(f"[Sequence]\nname=demo\nframeRate={RATE}\n")
    return path / "img1"


@pytest.fixture(params=["file", "folder"])
def video(request, clip, tmp_path):
    if request.param == "file":
        return write_clip(tmp_path / "clip.mkv", clip[0])
    return write_folder(tmp_path / "DEMO-01", clip[0])


@pytest.fixture
def ground_truth(clip, tmp_path):
    lines = [f"{f + 1},{pid},{left + 1},{top + 1},16,32,1,1,1" for f, pid, left, top in clip[1]]
    path = tmp_path / "gt.txt"
    path.write_text("\n".join(lines))
    return path


def test_frames_are_those_that_were_drawn(video, clip):
    found = list(video_frames(video, [3, 0, 99]))
    assert [number for number, _, _ in found] == [0, 3]
    for number, seconds, pixels in found:
        assert seconds == pytest.approx(number / RATE)
        np.testing.assert_array_equal(pixels, clip[0][number])


def test_people_are_found_in_a_clip(uri, video, clip, ground_truth, embedder, people):
    frames, boxes = clip
    with Gallery.open(uri, embedder) as gallery:
        added = gallery.add_video(video, ground_truth, camid=2, start=100, batch_size=3)
        assert added == (len(boxes), 0, ())
        for pid in {pid for _, pid, _, _ in boxes}:
            query = read_rgb(next(s.path for s in people.query if s.pid == pid))
            own = [box for box in boxes if box[1] == pid]
            found = gallery.search(query, k=len(own))
            assert {(m.frame, m.pid, m.box) for m in found} == {
                (f, pid, f"{left},{top},{left + 16},{top + 32}") for f, _, left, top in own
            }
            assert all(m.distance < 1e-5 for m in found if m.frame < 3)  # then they meet
            for match in found:
                assert match.time == pytest.approx(100 + match.frame / RATE)
                assert (match.path, match.camid) == (str(video), 2)
        assert gallery.count("time >= 100.25") == sum(frame >= 3 for frame, _, _, _ in boxes)
        again = gallery.add_video(video, ground_truth, camid=2, start=100)
        assert again == (0, len(boxes), ())
        crop = CropEmbedder(embedder, bgr=False)
        for frame, pid, left, top in boxes:
            vector = crop.get_features([[left, top, left + 16, top + 32]], frames[frame])[0]
            assert gallery.search(vector, k=1, where=f"frame == {frame}")[0].pid == pid


def test_boxes_that_cannot_be_cut_are_told(video, embedder, tmp_path):
    boxes = tmp_path / "boxes.csv"
    boxes.write_text("frame,left,top,right,bottom\n0,0,0,16,32\n0,70,0,90,32\n9,0,0,16,32\n")
    with Gallery.open(tmp_path / "g.sqlite", embedder) as gallery:
        added = gallery.add_video(video, boxes)
        assert added.added == gallery.count() == 1
        assert added.failed == (
            (f"{video} frame 0", "has no pixel in the box 70,0,90,32"),
            (f"{video} frame 9", "lies beyond the video's end"),
        )


def test_what_is_no_video(tmp_path, ground_truth):
    with pytest.raises(NotFoundError, match="There is no video nowhere"):
        list(video_frames("nowhere", [0]))
    pytest.importorskip("av")
    with pytest.raises(FileError, match=r"gt\.txt cannot be decoded"):
        list(video_frames(ground_truth, [0]))
    folder = write_folder(tmp_path / "B", np.zeros((1, 8, 8, 3), "uint8"))
    (tmp_path / "B" / "seqinfo.ini").write_text("[Sequence]\nframeRate=fast\n")
    with pytest.raises(FileError, match=r"seqinfo\.ini tells no frameRate"):
        list(video_frames(folder, [0]))
    gallery = Gallery.open(tmp_path / "g.sqlite", fingerprint="ab12", dim=4)
    with gallery, pytest.raises(ArgumentError, match="Images need a model"):
        gallery.add_video(folder, ground_truth)
