"""Releases, each the image with one more migration and a build id of its own."""

import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from scripts.checkout import ROOT
from tests.support.apps import release
from tests.support.engine import docker

APP = Path(release.__file__).parent
UNITS = ROOT / "rootfs/etc/supervisor/conf.d"
FIRST = 3
PATIENCE = 600  # of every unit: the machine may be busy with everything else at once
MIGRATION = '''"""release {revision} adds a column"""

from alembic import op

revision = "{revision}"
down_revision = "{below}"
min_reader = "0001"


def upgrade() -> None:
    op.execute("ALTER TABLE nodes ADD COLUMN of_{revision} text")
'''
DOCKERFILE = """FROM {image}
ENV EDGEPAAS_APP=release.main:app EDGEPAAS_BUILD_ID={build}
COPY release /srv/release
COPY units /etc/supervisor/conf.d
COPY versions /srv/app/migrations/versions
{more}
"""


class Image(NamedTuple):
    """A release's tag and build id."""

    tag: str
    build: str


class Releases:
    """Makes releases in a folder. All are removed at the end of `releases`."""

    def __init__(self, image: str, folder: Path) -> None:
        self.image = image
        self.folder = folder
        self.name = f"edgepaas-test:{uuid.uuid4().hex[:12]}"
        self.made: list[Image] = []
        self._next = FIRST
        (folder / "versions").mkdir()
        shutil.copytree(APP, folder / "release", ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "units").mkdir()
        for unit in UNITS.glob("*.conf"):
            text = re.sub(r"(?m)^timeout = \d+$", f"timeout = {PATIENCE}", unit.read_text())
            (folder / "units" / unit.name).write_text(text)
        # The variables of the app are this app's, too.
        shutil.copy(ROOT / "app/environment.toml", folder / "release")

    def new(self, more: str = "") -> Image:
        """Return the next release: one migration more than the one before. `more` goes below."""
        revision = f"{self._next:04}"
        text = MIGRATION.format(revision=revision, below=f"{self._next - 1:04}")
        (self.folder / f"versions/{revision}_of.py").write_text(text)
        self._next += 1
        return self.build(f"release-{revision}", more)

    def build(self, build: str, more: str = "") -> Image:
        """Return a release that has the migrations made so far."""
        made = Image(f"{self.name}-{build}-{len(self.made)}", build)
        dockerfile = DOCKERFILE.format(image=self.image, build=build, more=more)
        (self.folder / "Dockerfile").write_text(dockerfile)
        docker().output("build", "--quiet", "--tag", made.tag, str(self.folder))
        self.made.append(made)
        return made


@contextmanager
def releases(image: str, folder: Path) -> Iterator[Releases]:
    """Yield a maker of releases on `image`."""
    made = Releases(image, folder)
    try:
        yield made
    finally:
        for one in made.made:
            docker().run("image", "rm", "--force", one.tag)
