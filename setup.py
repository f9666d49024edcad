"""The page of a package index: the README without what only a checkout has.

An index shows no relative picture and follows no relative link, and this project has no public
address that would make them absolute. What they point to is in the sdist (MANIFEST.in).
"""

import re
from pathlib import Path

from setuptools import setup

NOTE = (
    "*The Makefile, `train/` and `docs/` with its pictures are in the source distribution; after\n"
    "`pip install`, `python train/NAME.py` is the command `osnet-tf NAME`.*\n"
)


def index_page(readme):
    """Without relative pictures and the captions below them; relative links are their words."""
    text = re.sub(r"^!\[.*?\]\((?!https?:).*?\)\n\n(?:\*.+\*\n\n)?", "", readme, flags=re.M)
    text = re.sub(r"\[([^\]]+)\]\((?!https?:|#).*?\)", r"\1", text)
    return text.replace("\n## ", f"\n{NOTE}\n## ", 1)


setup(
    long_description=index_page((Path(__file__).parent / "README.md").read_text("utf-8")),
    long_description_content_type="text/markdown",
)
