"""make shell: a shell where the service runs."""

from __future__ import annotations

from scripts import console, running


def main() -> int:
    """Open it."""
    return running.find().shell()


if __name__ == "__main__":
    console.run(main)
