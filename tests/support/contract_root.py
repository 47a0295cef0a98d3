"""A root directory with a contract of its own, for tests."""

import shutil
from pathlib import Path

ROOTFS = Path(__file__).resolve().parents[2] / "rootfs"
CONTRACT = "etc/edgepaas/environment.toml"
ADDITIONS = "etc/edgepaas/environment.d"


class ContractRoot:
    """A copy of our contract below `path`, to which files of environment.d can be added."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / ADDITIONS).mkdir(parents=True)
        shutil.copy(ROOTFS / CONTRACT, path / CONTRACT)

    def add(self, name: str, text: str) -> Path:
        """Add a file to environment.d and return its path."""
        file = self.path / ADDITIONS / name
        file.write_text(text, encoding="utf-8")
        return file
