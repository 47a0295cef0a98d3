"""Units that do not run, kept out of supervisord's turns. Imports nothing of ours.

At every turn of its loop supervisord looks at each process group, and each unit that starts and
ends brings two turns: so a boot would cost the square of its units.
"""

from typing import Any

LOOKED_AT = ("transition", "get_dispatchers")


def put(group: Any) -> None:
    """Spare the loop a group of which nothing runs, nor is about to."""
    group.transition = _nothing
    group.get_dispatchers = dict


def wake(group: Any) -> None:
    """Have the loop look at a group again."""
    for name in LOOKED_AT:
        vars(group).pop(name, None)


def _nothing() -> None:
    """Do nothing, as supervisord does for a group at rest."""
