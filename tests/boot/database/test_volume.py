"""A directory that ends with the container, or is on another machine, is known as such."""

from pathlib import Path

import pytest

from boot.database import volume

MOUNTS = r"""22 1 0:20 / / rw,relatime - overlay overlay rw
23 22 0:21 / /tmp rw - tmpfs tmpfs rw
24 22 8:1 /vol /data rw shared:1 - ext4 /dev/sda1 rw
25 22 0:22 / /srv/net rw - nfs4 host:/x rw
26 22 0:23 / /srv/with\040space rw - cifs //h/x rw
27 24 0:24 / /data/ram rw - tmpfs tmpfs rw
28 22 8:2 / /again rw - tmpfs tmpfs rw
29 22 8:3 / /again rw - xfs /dev/sdb rw
"""


@pytest.mark.parametrize(
    ("path", "filesystem", "safe"),
    [
        ("/var/lib/x", "overlay", False),
        ("/tmp/x", "tmpfs", False),
        ("/data", "ext4", True),
        ("/data/deep/er", "ext4", True),
        ("/database", "overlay", False),
        ("/data/ram", "tmpfs", False),
        ("/srv/net/x", "nfs4", False),
        ("/srv/with space", "cifs", False),
        ("/again", "xfs", True),
    ],
)
def test_a_path_stands_on_its_nearest_mount(path: str, filesystem: str, safe: bool) -> None:
    found = volume.of(Path(path), MOUNTS)
    assert found.filesystem == filesystem
    assert (found.danger == "") is safe


def test_the_running_kernel_is_understood(tmp_path: Path) -> None:
    assert volume.of(tmp_path).filesystem != "unknown"


@pytest.mark.parametrize(
    ("path", "ephemeral", "remote"),
    [("/data/x", False, False), ("/tmp/x", True, False), ("/srv/net/x", False, True)],
)
def test_what_ends_with_the_container_and_what_is_remote_are_told_apart(
    path: str, ephemeral: bool, remote: bool
) -> None:
    found = volume.of(Path(path), MOUNTS)
    assert (found.ephemeral, found.remote) == (ephemeral, remote)
