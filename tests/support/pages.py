"""The documents of this repository as tests read them: files, links, headings, code blocks."""

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
ROW = re.compile(r"^\|(.+)\|$", re.MULTILINE)


class Block(NamedTuple):
    """A fenced code block: its language and its text."""

    language: str
    text: str


@cache
def tree() -> frozenset[str]:
    """Return the paths of all files that are, or could be, committed."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return frozenset(path for path in listed.split("\0") if path and (ROOT / path).is_file())


def pages() -> list[str]:
    """Return the paths of all Markdown pages."""
    return sorted(path for path in tree() if path.endswith(".md"))


def read(path: str) -> str:
    """Return a file's text."""
    return (ROOT / path).read_text(encoding="utf-8")


def blocks(text: str) -> Iterator[Block]:
    """Yield the fenced code blocks of a page."""
    for match in FENCE.finditer(text):
        yield Block(match[1], match[2])


def prose(text: str) -> str:
    """Return a page without its code blocks."""
    return FENCE.sub("", text)


def headings(text: str) -> list[str]:
    """Return the headings of a page, as they are written."""
    return HEADING.findall(prose(text))


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    return {anchor(heading) for heading in headings(text)}


def anchor(heading: str) -> str:
    """Return the anchor of one heading."""
    kept = re.sub(r"[^\w\- ]", "", heading.lower())
    return kept.replace(" ", "-")


def links(text: str) -> list[str]:
    """Return the targets of a page's links."""
    return LINK.findall(prose(text))


def rows(text: str) -> list[list[str]]:
    """Return the cells of every table row of a page."""
    return [[cell.strip() for cell in row.split("|")] for row in ROW.findall(prose(text))]
