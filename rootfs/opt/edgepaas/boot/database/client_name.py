"""How our connections are named in pg_stat_activity: edgepaas/SLOT/REVISION/BUILD.

So a migration can see which images are connected. A leaf: imports nothing of ours.
"""

import re
from typing import NamedTuple

SERVES = "edgepaas"
MIGRATES = "edgepaas-migration"
NOTHING = "-"
LONGEST = 63  # what PostgreSQL keeps of a name: NAMEDATALEN - 1
FOREIGN = re.compile(r"[^!-.0-~]")  # what is not ASCII, a space, or our separator


class ClientName(NamedTuple):
    """Slot, newest revision and build of the image behind a connection; "" where not known."""

    slot: str
    revision: str
    build: str


def compose(name: ClientName, role: str = SERVES) -> str:
    """Return the application_name, at most 63 characters: the build is cut to fit."""
    parts = (FOREIGN.sub("_", part) or NOTHING for part in name)
    return "/".join([role, *parts])[:LONGEST]


def parse(application_name: str) -> ClientName | None:
    """Return what a connection that serves says of its image; None for anybody else's."""
    role, *parts = application_name.split("/")
    if role != SERVES or len(parts) != len(ClientName._fields):
        return None
    return ClientName(*("" if part == NOTHING else part for part in parts))
