"""The files of an image, without running it."""

import stat
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from scripts.engine import Engine

# The engine puts these into every container; they are not the image's.
ENGINES_OWN = {
    "/.dockerenv",
    "/dev",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/resolv.conf",
    "/etc/mtab",
}
BYTECODE_HEADER = 8


@dataclass(frozen=True)
class ImageTree:
    """What `docker export` gives of an image: every path with mode, owner, size and content."""

    archive: Path

    @cached_property
    def entries(self) -> dict[str, tarfile.TarInfo]:
        """Every path from the root, except what the engine adds."""
        with tarfile.open(self.archive) as archive:
            named = {f"/{member.name}".rstrip("/"): member for member in archive}
        return {
            path: member.replace(mode=stat.S_IMODE(member.mode))
            for path, member in named.items()
            if path not in ENGINES_OWN and not path.startswith(("/dev/", "/proc/", "/sys/"))
        }

    @property
    def files(self) -> dict[str, tarfile.TarInfo]:
        """The plain files of `entries`."""
        return {path: member for path, member in self.entries.items() if member.isfile()}

    def contents(self, paths: set[str], limit: int = -1) -> dict[str, bytes]:
        """Return the first `limit` bytes (by default all) of each of `paths`, in one pass."""
        found = {}
        with tarfile.open(self.archive) as archive:
            for member in archive:
                path = f"/{member.name}"
                if path in paths:
                    file = archive.extractfile(member)
                    assert file is not None, f"{path} is no plain file"
                    found[path] = file.read(limit)
        return found

    def content(self, path: str) -> bytes:
        """Return the content of one file."""
        return self.contents({path})[path]

    def size_below(self, folder: str) -> int:
        """Return the bytes of the files below `folder`."""
        return sum(
            member.size for path, member in self.files.items() if path.startswith(f"{folder}/")
        )


def export(engine: Engine, image: str, folder: Path) -> ImageTree:
    """Write the tree of `image` into `folder` and return it."""
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".tar", delete=False) as archive:
        identity = engine.output("create", "--network=none", image)
        try:
            subprocess.run([engine.client, "export", identity], stdout=archive, check=True)
        finally:
            engine.run("rm", "--force", "--volumes", identity)
    return ImageTree(Path(archive.name))
