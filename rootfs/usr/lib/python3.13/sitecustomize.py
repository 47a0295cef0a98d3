"""Lets tracebacks show the lines of modules that the image holds as bytecode alone.

Python imports this at every start. The sources lie in a folder beside the one they were in, written
by the build (scripts/image/bytecode.py), and are read when somebody asks for a line. Many are
packed together, in the order of their names, in a file under the name of the first of them.
"""

from _frozen_importlib_external import SourcelessFileLoader  # always loaded: costs nothing

FOLDER = "/python3.13/"
SOURCES = "/python3.13-sources/"
PIECE = 1 << 16


def get_source(loader, _name):
    """Return the source of a module loaded from bytecode; None where there is none."""
    import lzma  # noqa: PLC0415 - only who shows a traceback pays for it
    import os  # noqa: PLC0415

    place, _, module = loader.path.partition(FOLDER)
    name = module.removesuffix("c").replace("/", "%")
    try:
        first = max(each for each in os.listdir(place + SOURCES) if each <= f"{name}.xz")  # noqa: PTH208
        with lzma.open(place + SOURCES + first) as together:
            return read_one(together, b"\0%s\n" % name.encode())
    except (OSError, ValueError, EOFError, lzma.LZMAError):
        return None


def read_one(together, mark):
    """Return the source after `mark`, unpacking no more than it takes; None where there is none."""
    there, text = b"", b""
    while not (there and b"\0" in text) and (piece := together.read(PIECE)):
        text += piece
        if not there:
            before, there, after = text.partition(mark)
            text = after if there else before[-len(mark) :]
    return text.partition(b"\0")[0].decode(errors="replace") if there else None


SourcelessFileLoader.get_source = get_source
