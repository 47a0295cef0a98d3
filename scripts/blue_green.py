"""Blue/green on this host: deploy, rollback, abort, status, history (docs/blue-green.md)."""

from __future__ import annotations

import argparse
import json
import os
import sys

from scripts import console
from scripts.bluegreen import config, overview, signals, words
from scripts.bluegreen.history import History
from scripts.bluegreen.host import Host
from scripts.bluegreen.outcome import Outcome, Stopped

IMAGE = "IMAGE"


class Parser(argparse.ArgumentParser):
    """Ends with our status for a bad command line."""

    def error(self, message: str) -> None:  # type: ignore[override]  # it does not return either
        """Say what is wrong and exit."""
        self.print_usage(sys.stderr)
        self.exit(Outcome.USAGE, f"{console.PREFIX}error: {message}\n")


def parser() -> Parser:
    """Return the command line."""
    made = Parser(prog="python3 -m scripts.blue_green", description=__doc__)
    made.add_argument(
        "--config", help=f"the settings (default: ${config.VARIABLE}, or a usual place)"
    )
    verbs = made.add_subparsers(dest="word", required=True, parser_class=Parser)
    deploy = verbs.add_parser("deploy", help="bring an image live")
    deploy.add_argument(
        "image", nargs="?", default=os.environ.get(IMAGE), help="name, digest or id"
    )
    deploy.add_argument(
        "--stop-start", action="store_true", help="with SQLite: stop the old slot first, a gap"
    )
    rollback = verbs.add_parser("rollback", help="bring the kept slot live again")
    for each in (deploy, rollback):
        each.add_argument("--dry-run", action="store_true", help="say what would be done")
    verbs.add_parser("abort", help="undo what is under way or was interrupted")
    for name, purpose in (("status", "what stands where"), ("history", "what was done")):
        verbs.add_parser(name, help=purpose).add_argument("--json", action="store_true")
    return made


def obey(given: argparse.Namespace) -> int:
    """Do what one word says; return the exit status. Raises Stopped."""
    settings = config.load(config.find(given.config))
    if given.word == "history":
        print(overview.tell_history(History(settings.service.state).entries(), given.json))
        return Outcome.DONE
    if given.word == "deploy" and not given.image:
        raise Stopped("say which image: `make deploy IMAGE=name`", Outcome.USAGE)
    host = Host.of(settings)
    if given.word == "deploy":
        words.deploy(host, given.image, stop_start=given.stop_start, dry_run=given.dry_run)
    elif given.word == "rollback":
        words.rollback(host, dry_run=given.dry_run)
    elif given.word == "abort":
        words.abort(host)
    else:
        found = overview.status(host)
        print(json.dumps(found, indent=2) if given.json else overview.tell_status(found))
        return Outcome.DONE if overview.agrees(found) else Outcome.NOT_DEPLOYED
    return Outcome.DONE


def main() -> int:
    """Run one word; a failure is told and has its status."""
    given = parser().parse_args()
    signals.install()
    try:
        return int(obey(given))
    except Stopped as failure:
        sys.stdout.flush()
        print(f"{console.PREFIX}error: {failure}", file=sys.stderr, flush=True)
        return failure.status


if __name__ == "__main__":
    console.run(main)
