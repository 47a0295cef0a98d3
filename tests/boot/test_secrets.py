"""A secret read from a file, and the files that cannot serve as one."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from boot.secrets import BYTES_MOST, SecretFileError, read

contents = st.binary(min_size=1).filter(
    lambda raw: b"\0" not in raw and not raw.endswith((b"\n", b"\r"))
)

NOBODY = 65534


def refused(path: Path) -> str:
    with pytest.raises(SecretFileError) as caught:
        read(str(path))
    assert repr(str(path)) in str(caught.value)
    return str(caught.value)


def written(directory: Path, content: bytes) -> Path:
    file = directory / "secret"
    file.write_bytes(content)
    return file


@given(contents)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_bytes_come_through_as_they_are_without_one_newline(tmp_path: Path, raw: bytes) -> None:
    assert os.fsencode(read(str(written(tmp_path, raw)))) == raw
    assert os.fsencode(read(str(written(tmp_path, raw + b"\n")))) == raw
    assert os.fsencode(read(str(written(tmp_path, raw + b"\n\n")))) == raw + b"\n"


def test_a_link_is_followed_as_kubernetes_makes_them(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(written(tmp_path, b"value"))
    assert read(str(link)) == "value"


@pytest.mark.parametrize("content", [b"", b"\n"])
def test_an_empty_file_is_refused(tmp_path: Path, content: bytes) -> None:
    assert "is empty" in refused(written(tmp_path, content))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "none")


def test_a_directory_is_refused(tmp_path: Path) -> None:
    assert "is a directory" in refused(tmp_path)


def test_a_pipe_nobody_writes_to_does_not_hold_the_boot(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in refused(tmp_path / "pipe")


def test_a_file_too_large_is_refused_without_showing_it(tmp_path: Path) -> None:
    message = refused(written(tmp_path, b"canary" * BYTES_MOST))
    assert "larger than 64 KiB" in message
    assert "canary" not in message


@pytest.mark.parametrize(("content", "why"), [(b"a\0b", "NUL"), (b"canary\r\n", "Windows")])
def test_what_no_environment_can_or_should_hold_is_refused(
    tmp_path: Path, content: bytes, why: str
) -> None:
    message = refused(written(tmp_path, content))
    assert why in message
    assert "canary" not in message


@pytest.fixture
def ordinary_user() -> Iterator[Callable[[], None]]:
    """A function that makes this process one that may not read every file; undone at the end."""
    before = os.geteuid()
    yield lambda: os.seteuid(before or NOBODY)
    os.seteuid(before)


def test_a_file_of_somebody_else_is_refused(
    tmp_path: Path, ordinary_user: Callable[[], None]
) -> None:
    file = written(tmp_path, b"value")
    file.chmod(0)
    ordinary_user()
    assert "Permission denied" in refused(file)
