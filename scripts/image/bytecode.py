"""Turn the modules of others into bytecode alone, their sources packed together beside them.

Runs in the build stage: `python3 -X no_debug_ranges bytecode.py LAYER FOLDER`, the folder as it is
in the image. Sources and bytecode as CPython lays them out are half of an image. Here a
module is one `.pyc` where its `.py` was; what a traceback shows of it comes from FOLDER-sources
(sitecustomize.py). What only people and type checkers read is left out: comments, overloads, blocks
under TYPE_CHECKING, docstrings but for what commands tell of themselves, some annotations.
"""

from __future__ import annotations

import ast
import csv
import io
import lzma
import marshal
import os
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib.util import MAGIC_NUMBER

# PEP 552: a hash of the source that nobody compares, for the image is immutable: it may be zero.
HEADER = MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8)
# Scripts that are copied, not imported; what supervisorctl reads its signatures from.
AS_THEY_ARE = ("/alembic/templates/", "/venv/bin/")
WHOLE_DOCSTRINGS = ("/supervisor/",)
# What `help` and `--help` tell of the standard library and of commands.
FIRST_LINES = (
    "/usr/lib/python3.13/",
    "/alembic/",
    "/click/",
    "/gunicorn/",
    "/pydantic/",
    "/uvicorn/",
)
NO_DOCSTRING = "."  # some assert that there is one
# Whose functions' annotations nobody asks for as the program runs.
UNANNOTATED = ("/sqlalchemy/", "/alembic/", "/anyio/", "/jinja2/", "/urllib3/", "/websockets/")
TYPING = {"typing", "t", "te", "typing_extensions"}
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
# Packed together they take 2.9 MB, each alone 5.8; who wants one unpacks half of this on average.
TOGETHER = 2 * 1024 * 1024
TEXT = ({"id": lzma.FILTER_LZMA2, "preset": 6, "pb": 0},)


def sources_below(folder: str) -> Iterator[str]:
    """Yield the modules below `folder` that become bytecode."""
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(parent, name)
            imported = not is_below(path, AS_THEY_ARE)
            if name.endswith(".py") and imported and not os.path.islink(path):
                yield path


def docstrings(nodes: Iterable[ast.AST]) -> Iterator[ast.Constant]:
    """Yield every docstring."""
    for node in nodes:
        if isinstance(node, DOCUMENTED) and node.body and isinstance(node.body[0], ast.Expr):
            text = node.body[0].value
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                yield text


def shorten_docstrings(nodes: Iterable[ast.AST], whole: Iterable[ast.AST]) -> None:
    """Leave of each docstring the first line that it has in the `whole` module, or next to nothing.

    A first line keeps its line end, for `email` takes the docstrings of its classes apart.
    """
    texts = {text.lineno: str(text.value) for text in docstrings(whole)}
    for text in docstrings(nodes):
        text.value = "".join(texts.get(text.lineno, NO_DOCSTRING).strip().partition("\n")[:2])


def forget_annotations(nodes: Iterable[ast.AST]) -> None:
    """Leave the annotations of functions out; those of classes are asked for."""
    for node in nodes:
        if isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None


def code_lines(source: bytes, nodes: list[ast.AST]) -> bytes:
    """Return a source without what never runs: the lines that are left keep their numbers."""
    lines = source.split(b"\n")
    strings = strings_by_line(nodes)
    for row, line in enumerate(lines):
        lines[row] = without_comment(line, strings[row])
    for text in docstrings(nodes):
        for inner in range(text.lineno, (text.end_lineno or text.lineno) - 1):
            lines[inner] = b""
    for block, replacement in reversed(list(never_run(nodes))):  # a block after what is in it
        lines[block.start : block.stop] = [replacement, *[b""] * (len(block) - 1)]
    return b"\n".join(lines)


def strings_by_line(nodes: Iterable[ast.AST]) -> dict[int, list[range]]:
    """Return for each line, counted from 0, the columns that are inside a string."""
    found: dict[int, list[range]] = defaultdict(list)
    for node in nodes:
        if isinstance(node, ast.JoinedStr) or (
            isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
        ):
            first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
            for row in range(first, last + 1):
                begin = node.col_offset if row == first else 0
                end = (node.end_col_offset or 0) if row == last else sys.maxsize
                found[row].append(range(begin, end))
    return found


def without_comment(line: bytes, strings: list[range]) -> bytes:
    """Return a line without the comment at its end; one that names an encoding stays."""
    at = line.find(b"#")
    while at >= 0:
        if b"coding" not in line and not any(at in columns for columns in strings):
            return line[:at].rstrip()
        at = line.find(b"#", at + 1)
    return line


def never_run(nodes: Iterable[ast.AST]) -> Iterator[tuple[range, bytes]]:
    """Yield the lines, from 0, that only type checkers read, and what stands there instead."""
    for node in nodes:
        if isinstance(node, ast.If) and is_typing_name(node.test, "TYPE_CHECKING"):
            block = lines_of(node.body)
            if block.start >= node.lineno:  # not on the line of the `if`
                yield block, b" " * node.body[0].col_offset + b"pass"
        body = node.body if isinstance(node, ast.Module | ast.ClassDef | ast.If) else []
        overloads = [each for each in body if is_overload(each)]
        if len(overloads) < len(body):
            yield from ((lines_of([each]), b"") for each in overloads)


def is_typing_name(node: ast.expr, name: str) -> bool:
    """Tell whether an expression is `name`, or that of the module typing."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return node.attr == name and node.value.id in TYPING
    return isinstance(node, ast.Name) and node.id == name


def is_overload(node: ast.stmt) -> bool:
    """Tell whether a statement declares an overload, whose body is never called."""
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and any(
        is_typing_name(each, "overload") for each in node.decorator_list
    )


def lines_of(body: list[ast.stmt]) -> range:
    """Return the lines of statements, counted from 0, with their decorators."""
    first = [body[0], *getattr(body[0], "decorator_list", [])]
    return range(min(each.lineno for each in first) - 1, body[-1].end_lineno or body[-1].lineno)


def is_below(path: str, folders: Iterable[str]) -> bool:
    """Tell whether a path leads through one of `folders`."""
    return any(folder in path for folder in folders)


def convert(path: str, layer: str) -> bytes:
    """Put the bytecode of a module in its place; return the lines of it that can run."""
    with open(path, "rb") as file:
        source = file.read()
    tree = ast.parse(source, path)
    nodes = list(ast.walk(tree))
    lines = code_lines(source, nodes)
    if not is_below(path, WHOLE_DOCSTRINGS):
        tree = ast.parse(lines, path)
        left = list(ast.walk(tree))
        shorten_docstrings(left, nodes if is_below(path, FIRST_LINES) else ())
        if is_below(path, UNANNOTATED):
            forget_annotations(left)
    code = compile(tree, path.removeprefix(layer), "exec", dont_inherit=True)
    with open(f"{path}c", "wb") as file:
        file.write(HEADER + marshal.dumps(code))
    os.remove(path)
    return lines


def in_groups(named: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    """Yield sources put together, each after a NUL and its name, with the name of the first."""
    first, together = "", b""
    for name, lines in sorted(named):
        entry = b"\0%s\n%s" % (name.encode(), lines)
        if first and len(together) + len(entry) > TOGETHER:
            yield first, together
            first, together = "", b""
        first, together = first or name, together + entry
    yield first, together


def pack(group: tuple[str, bytes], folder: str) -> None:
    """Write a group into a file named after the first source in it."""
    first, together = group
    with lzma.open(os.path.join(folder, f"{first}.xz"), "wb", filters=TEXT) as file:
        file.write(together)


def correct_records(folder: str) -> None:
    """Let each distribution's list of files name what is there now."""
    for parent, _, names in os.walk(folder):
        if parent.endswith(".dist-info") and "RECORD" in names:
            record = os.path.join(parent, "RECORD")
            with open(record, encoding="utf-8", newline="") as file:
                rows = [as_it_is_now(row, os.path.dirname(parent)) for row in csv.reader(file)]
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerows(row for row in rows if row)
            with open(record, "w", encoding="utf-8") as file:
                file.write(text.getvalue())


def as_it_is_now(row: list[str], packages: str) -> list[str]:
    """Return a row of a RECORD for the file that is there; an empty one where there is none."""
    path = os.path.join(packages, row[0])
    if os.path.lexists(path):
        return row
    return [f"{row[0]}c", "", ""] if os.path.exists(f"{path}c") else []


def remove_caches(folder: str) -> None:
    """Remove every __pycache__ below `folder`."""
    for parent, folders, _ in os.walk(folder):
        if "__pycache__" in folders:
            folders.remove("__pycache__")
            shutil.rmtree(os.path.join(parent, "__pycache__"))


def main(layer: str, folder: str) -> None:
    """Convert a folder of a layer."""
    below, packed = f"{layer}{folder}", f"{layer}{folder}-sources"
    remove_caches(below)
    os.mkdir(packed)
    paths = list(sources_below(below))
    names = [path.removeprefix(f"{below}/").replace("/", "%") for path in paths]
    with ProcessPoolExecutor() as pool:
        lines = pool.map(partial(convert, layer=layer), paths, chunksize=16)
        list(pool.map(partial(pack, folder=packed), in_groups(zip(names, lines, strict=True))))
    correct_records(below)


if __name__ == "__main__":
    main(os.path.abspath(sys.argv[1]), sys.argv[2])
