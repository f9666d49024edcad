"""Files of boxes: MOTChallenge's, and our own; what is none of them is refused by its line."""

import pytest

from osnet_tf.errors import FileError, NotFoundError
from osnet_tf.search.detections import Detection, read_detections


def read(tmp_path, text, **options):
    path = tmp_path / "boxes.txt"
    path.write_text(text)
    return read_detections(path, **options)


def test_det(tmp_path):
    """Counted from 1, width and height; with and without a place in the world; ids of a tracker."""
    text = "2,-1,1359.1,413.27,120.26,362.77,2.3092,-1,-1,-1\n\n1,5,1,1,10,20,-0.5\n"
    one, other = read(tmp_path, text)
    assert one == Detection(0, (0, 0, 10, 20), 5, -0.5)
    assert (other.frame, other.pid, other.confidence) == (1, -1, 2.3092)
    assert other.box == pytest.approx((1358.1, 412.27, 1478.36, 775.04))
    assert read(tmp_path, text, min_confidence=0) == [other]


def test_gt(tmp_path):
    """Of ground truth the pedestrians that count: not the ignored, not the cars."""
    text = (
        "1, 3, 11, 21, 5, 6, 1, 1, 0.8\n1,4,1,1,5,6,0,1,1\n1,5,1,1,5,6,1,3,1\n2,3,12,21,5,6,1,1\n"
    )
    assert read(tmp_path, text, min_confidence=0.9) == [
        Detection(0, (10, 20, 15, 26), 3),
        Detection(1, (11, 20, 16, 26), 3),
    ]


def test_our_own(tmp_path):
    text = "\ufeffpid,frame,left,top,right,bottom,confidence\n7,3,1.5,2,10,20,0.5\n,0,1,2,10,20,\n"
    assert read(tmp_path, text) == [
        Detection(0, (1, 2, 10, 20)),
        Detection(3, (1.5, 2, 10, 20), 7, 0.5),
    ]
    assert read(tmp_path, "frame,left,top,right,bottom\n") == []
    assert read(tmp_path, "") == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("frame,left,top,width,height\n", "a header without right, bottom"),
        ("1,-1,1,1,5,6,1\n1,-1,1,1,5,6\n", "no box in line 2: it has 6 columns"),
        ("0,-1,1,1,5,6,1\n", r"frames are counted from 1\. Received: frame=0"),
        ("1,-1,1,1,0,6,1\n", "line 1: the box has no size"),
        ("1,-1,nan,1,5,6,1\n", "line 1: box must be finite"),
        ("1.5,-1,1,1,5,6,1\n", "line 1: frame must be an integer"),
        ("1,-1,one,1,5,6,1\n", "line 1: could not convert"),
        ("frame,left,top,right,bottom\n0,1,2,3\n", "line 2: zip"),
        ("frame,left,top,right,bottom\n-1,1,2,3,4\n", r"counted from 0\. Received: frame=-1"),
        ("1,-1,1,1,5,6,1\0\n", "no file of comma-separated|no box in line 1"),
    ],
)
def test_other_files_are_refused(tmp_path, text, problem):
    with pytest.raises(FileError, match=problem):
        read(tmp_path, text)


def test_no_file(tmp_path):
    with pytest.raises(NotFoundError, match=r"nowhere\.txt"):
        read_detections(tmp_path / "nowhere.txt")
    (tmp_path / "latin.txt").write_bytes(b"\xe9,1\n")
    with pytest.raises(FileError, match="no file of comma-separated"):
        read_detections(tmp_path / "latin.txt")
