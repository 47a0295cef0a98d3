"""/tmp/db_env.sh can be sourced, is read by nobody else, and cannot be turned against us."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from boot.database import shell_exports

HOSTILE = ["$(touch {x})", "`touch {x}`", "it's", '"', "a\nb", "%s", "é", "\\", ";touch {x}", ""]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_shell_reads_back_the_same_bytes(tmp_path: Path, value: str) -> None:
    value = value.format(x=tmp_path / "x")
    path = tmp_path / "db_env.sh"
    shell_exports.write(path, {"DATABASE_URL": value})
    script = f'. {path}; printf %s "$DATABASE_URL"'
    assert subprocess.run(["sh", "-c", script], capture_output=True, check=True).stdout == (
        os.fsencode(value)
    )
    assert [entry.name for entry in tmp_path.iterdir()] == ["db_env.sh"]


def test_the_file_is_ours_alone_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "db_env.sh"
    old = os.umask(0)
    try:
        shell_exports.write(path, {"A": "1"})
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_put_there_is_replaced_and_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    path = tmp_path / "db_env.sh"
    path.symlink_to(victim)
    shell_exports.write(path, {"A": "1"})
    assert victim.read_text() == "precious"
    assert not path.is_symlink()
    assert path.read_text() == "export A=1\n"


def test_a_directory_put_there_is_an_error_and_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "db_env.sh"
    path.mkdir()
    with pytest.raises(IsADirectoryError):
        shell_exports.write(path, {"A": "1"})
    assert list(tmp_path.iterdir()) == [path]
