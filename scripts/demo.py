"""make demo: a small fleet to look at, in the service that runs."""

from __future__ import annotations

from scripts import console, running


def main() -> int:
    """Have it made."""
    return running.find().edgepaas("seed-demo")


if __name__ == "__main__":
    console.run(main)
