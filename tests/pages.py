"""The documents that the tests read, and what stands in their fenced blocks."""

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
DOCS = sorted((ROOT / "docs").rglob("*.md"))
PAGES = [README, ROOT / "CONTRIBUTING.md", *DOCS]
#: In the order of the site: a page may use what the ones before it left.
TUTORIALS = [
    ROOT / "docs" / "tutorials" / f"{name}.md"
    for name in ("first_model", "own_data", "tracker", "phone", "gallery")
]


def blocks(page):
    """`(language, text)` of each fenced block of a page, in order."""
    return re.findall(r"^```(\w+)\n(.*?)^```", page.read_text(), re.M | re.S)


def lines_of(text):
    """The commands of a block: lines, with those that go on joined and comments left out."""
    lines = text.replace("\\\n", " ").splitlines()
    return [command for line in lines if (command := re.split(r"(?:^|\s)#", line)[0].strip())]


def commands(page=README):
    """The words of each command of this project that stands in a bash block of a page."""
    text = "".join(text for language, text in blocks(page) if language == "bash")
    return commands_of(text)


def commands_of(text):
    """The words of each command of this project in a block."""
    return [shlex.split(line) for line in lines_of(text) if "python train/" in line]
