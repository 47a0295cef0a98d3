"""Whether a directory outlives the container: what kind of filesystem it stands on."""

import re
from pathlib import Path
from typing import NamedTuple

MOUNTINFO = Path("/proc/self/mountinfo")
DIES_WITH_CONTAINER = frozenset({"overlay", "aufs", "tmpfs", "ramfs", "rootfs"})
NOT_LOCAL = (
    r"nfs\d?|cifs|smb\w*|9p|ceph|afs|lustre|gfs2|ocfs2|glusterfs"
    r"|fuse\.(sshfs|glusterfs|ceph|s3fs|.*nfs.*)"
)
ESCAPE = r"\\([0-7]{3})"


class Volume(NamedTuple):
    """The filesystem a path stands on, and why rows in it may be lost ("" if they may not)."""

    filesystem: str
    danger: str

    @property
    def ephemeral(self) -> bool:
        """Whether what is on it ends with the container."""
        return self.filesystem in DIES_WITH_CONTAINER

    @property
    def remote(self) -> bool:
        """Whether it is shared over a network: SQLite's write-ahead log needs one memory."""
        return bool(re.fullmatch(NOT_LOCAL, self.filesystem))


def of(path: Path, mountinfo: str | None = None) -> Volume:
    """Return what `path` stands on, by the longest mount point above it."""
    text = MOUNTINFO.read_text() if mountinfo is None else mountinfo
    place = path.resolve()
    found, depth = "unknown", -1
    for line in text.splitlines():
        point, filesystem = _mount(line)
        # Of two mounts on one point the later one hides the earlier.
        if place.is_relative_to(point) and len(point.parts) >= depth:
            found, depth = filesystem, len(point.parts)
    return Volume(found, _danger(found))


def _mount(line: str) -> tuple[Path, str]:
    """Return mount point and type of one line (proc(5), /proc/pid/mountinfo)."""
    left, _, right = line.partition(" - ")
    point = re.sub(ESCAPE, lambda match: chr(int(match[1], 8)), left.split()[4])
    return Path(point), right.split()[0]


def _danger(filesystem: str) -> str:
    if filesystem in DIES_WITH_CONTAINER:
        return f"is on {filesystem}, which ends with the container"
    if re.fullmatch(NOT_LOCAL, filesystem):
        return f"is on {filesystem}, which is not a local disk"
    if filesystem == "unknown":
        return "is on an unknown filesystem"
    return ""
