"""make stop: end the service, container or native; its data stays."""

from __future__ import annotations

from scripts import console, running


def main() -> int:
    """Stop whatever runs; nothing to stop is no error."""
    try:
        service = running.find()
    except console.Failure:
        console.say("nothing to stop")
        return 0
    service.remove()
    console.say("stopped; the data stays")
    return 0


if __name__ == "__main__":
    console.run(main)
