"""The app's own migrations with one more after them: what its next release would bring."""

import shutil
from pathlib import Path

from boot.database import revisions
from tests.support.oneshot import REPOSITORY

MIGRATIONS = REPOSITORY / "app/migrations"
TEXT = '''"""the next release"""

import os
import pathlib

from alembic import op

revision = "{revision}"
down_revision = "{head}"
min_reader = "{min_reader}"


def upgrade() -> None:
    {upgrade}
'''


def next_release(directory: Path, upgrade: str, *, admits_head: bool) -> tuple[Path, str]:
    """Make the migrations below `directory`; return where they are, and their head."""
    head = revisions.scan(MIGRATIONS).head()
    revision = f"{int(head) + 1:04}"
    copy = directory / "next_release"
    shutil.copytree(MIGRATIONS, copy, ignore=shutil.ignore_patterns("__pycache__"))
    oldest = head if admits_head else revision
    text = TEXT.format(revision=revision, head=head, min_reader=oldest, upgrade=upgrade)
    (copy / f"versions/{revision}_next.py").write_text(text)
    return copy, revision
