"""Where the operator's command writes. Imports nothing of ours."""

import sys


def say(text: str) -> None:
    """Write a line to stdout; characters the terminal cannot show are escaped."""
    sys.stdout.write(_writable(text, sys.stdout.encoding) + "\n")


def complain(text: str) -> None:
    """Write a line to stderr."""
    sys.stderr.write(_writable(text, sys.stderr.encoding) + "\n")


def _writable(text: str, encoding: str | None) -> str:
    code = encoding or "utf-8"
    return text.encode(code, "backslashreplace").decode(code)
