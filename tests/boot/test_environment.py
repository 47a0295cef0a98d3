"""The container environment as files: private, atomic, any bytes, errors with a status."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from boot import environment
from boot.environment import WriteError, clear, read_all, remove, write, write_all
from boot.exit_status import ExitStatus

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,30}", fullmatch=True)
values = st.binary(max_size=500).filter(lambda raw: b"\0" not in raw).map(os.fsdecode)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "env"


@given(st.dictionaries(names, values, max_size=6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_values_come_back_byte_for_byte(place: Path, given_values: dict[str, str]) -> None:
    clear(place)
    write_all(given_values, place)
    assert read_all(place) == given_values


def test_directory_and_files_are_for_their_owner_only(place: Path) -> None:
    old = os.umask(0)
    try:
        write("A", "1", place)
    finally:
        os.umask(old)
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert stat.S_IMODE((place / "A").stat().st_mode) == 0o600


def test_a_directory_open_to_others_is_closed(place: Path) -> None:
    place.mkdir(mode=0o755)
    write("A", "1", place)
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


def test_a_value_is_replaced_as_a_whole_by_a_new_file(place: Path) -> None:
    write("A", "old and long", place)
    with (place / "A").open("rb") as before:
        write("A", "new", place)
        assert before.read() == b"old and long"
    assert read_all(place) == {"A": "new"}
    assert list(place.iterdir()) == [place / "A"]


def test_without_a_directory_given_it_is_the_running_containers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEPAAS_RUN_DIR", str(tmp_path))
    write("A", "1")
    assert (tmp_path / "env/A").read_text(encoding="ascii") == "1"
    assert read_all() == {"A": "1"}


@pytest.mark.parametrize("name", ["", "A B", "A=B", "../A", ".A", "1A", "Ä", "A\n"])
def test_a_bad_name_is_refused_and_nothing_is_written(place: Path, name: str) -> None:
    with pytest.raises(ValueError, match="bad name"):
        write_all({"GOOD": "1", name: "1"}, place)
    assert read_all(place) == {}


def test_a_nul_byte_is_refused(place: Path) -> None:
    with pytest.raises(ValueError, match="NUL"):
        write("A", "a\0b", place)


def test_a_link_in_the_place_of_a_variable_is_neither_followed_nor_written_through(
    place: Path, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    target.write_text("theirs", encoding="ascii")
    place.mkdir()
    (place / "A").symlink_to(target)
    assert read_all(place) == {}
    write("A", "ours", place)
    assert target.read_text(encoding="ascii") == "theirs"
    assert read_all(place) == {"A": "ours"}


def test_a_link_in_the_place_of_the_temporary_file_is_not_followed(
    place: Path, tmp_path: Path
) -> None:
    place.mkdir()
    (place / f".A.{os.getpid()}").symlink_to(tmp_path / "target")
    write("A", "ours", place)
    assert not (tmp_path / "target").exists()
    assert read_all(place) == {"A": "ours"}


def test_a_link_in_the_place_of_the_directory_is_refused(place: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    place.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(WriteError) as caught:
        write("A", "1", place)
    assert caught.value.status is ExitStatus.CANNOT_WRITE
    assert not list((tmp_path / "elsewhere").iterdir())


def test_what_is_no_variable_is_not_read(place: Path) -> None:
    place.mkdir()
    (place / "DIRECTORY").mkdir()
    (place / ".A.123").write_text("left over", encoding="ascii")
    os.mkfifo(place / "PIPE")
    assert read_all(place) == {}


def test_removing_and_clearing(place: Path) -> None:
    write_all({"A": "1", "B": "2", "C": "3"}, place)
    (place / ".A.123").write_text("left over", encoding="ascii")
    remove("A", place)
    remove("A", place)
    assert read_all(place) == {"B": "2", "C": "3"}
    clear(place)
    assert list(place.iterdir()) == []
    clear(place)


def test_where_there_is_no_directory_there_is_nothing(place: Path) -> None:
    assert read_all(place) == {}
    remove("A", place)
    clear(place)


def test_a_missing_parent_is_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="No such file") as caught:
        write("A", "1", tmp_path / "none/env")
    assert caught.value.status is ExitStatus.CANNOT_WRITE
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    ("number", "status"),
    [
        ("EACCES", ExitStatus.CANNOT_WRITE),
        ("EROFS", ExitStatus.CANNOT_WRITE),
        ("ENOSPC", ExitStatus.IO),
        ("EDQUOT", ExitStatus.IO),
        ("EIO", ExitStatus.IO),
    ],
)
def test_each_error_has_the_status_of_the_table(number: str, status: ExitStatus) -> None:
    code = getattr(errno, number)
    error = WriteError(Path("/run/edgepaas/env"), OSError(code, os.strerror(code)))
    assert error.status is status


def test_a_write_that_fails_half_way_leaves_the_old_value_and_no_litter(place: Path) -> None:
    write("A", "old", place)
    # A real error of the kernel in the middle of a file: the process may write no larger ones.
    script = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from boot.environment import WriteError, write\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: write('A', 'x' * 5000, Path(sys.argv[1]))\n"
        "except WriteError as error: sys.exit(error.status)\n"
    )
    command = [sys.executable, "-c", script, str(place)]
    layer = str(Path(environment.__file__).parents[1])
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": layer}, check=False)
    assert done.returncode == ExitStatus.IO
    assert read_all(place) == {"A": "old"}
    assert list(place.iterdir()) == [place / "A"]
