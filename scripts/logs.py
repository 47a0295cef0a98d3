"""make logs: what the service writes, as it grows."""

from __future__ import annotations

from scripts import console, running


def main() -> int:
    """Follow the log until interrupted."""
    return running.find().follow()


if __name__ == "__main__":
    console.run(main)
