"""The container environment: a directory with one file per variable, written atomically."""

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from boot.exit_status import ExitStatus

DIRECTORY_MODE = 0o700
FILE_MODE = 0o600
NOT_OURS_TO_WRITE = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.ELOOP}
)
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
OLD_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class WriteError(Exception):
    """The container environment cannot be written.

    `status` is what the process should end with: 73 where the place is not writable, 74 where
    the disk is full or broken.
    """

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(f"{path} cannot be written: {error.strerror}")
        self.path = path
        not_ours = error.errno in NOT_OURS_TO_WRITE
        self.status = ExitStatus.CANNOT_WRITE if not_ours else ExitStatus.IO


def valid_name(name: str) -> bool:
    """Tell whether `name` can be a variable's: [A-Za-z_][A-Za-z0-9_]*."""
    return name.isascii() and name.isidentifier()


def directory_in(run_dir: str | Path) -> Path:
    """Return where the container environment stands below EDGEPAAS_RUN_DIR."""
    return Path(run_dir) / "env"


def write(name: str, value: str, directory: Path | None = None) -> None:
    """Set one variable. Raises as `write_all`."""
    write_all({name: value}, directory)


def write_all(values: Mapping[str, str], directory: Path | None = None) -> None:
    """Set variables, each atomically; makes the directory (0700) where it is missing.

    `directory` defaults to the running container's. Raises WriteError, and ValueError for what
    no environment can hold: a bad name, a NUL byte.
    """
    place = directory or _running()
    for name, value in values.items():
        if not valid_name(name) or "\0" in value:
            raise ValueError(f"{name!r} cannot be set: bad name or NUL byte")
    with _writing(place):
        _make(place)
        with _opened(place) as descriptor:
            for name, value in values.items():
                _write_one(descriptor, name, os.fsencode(value))


def read_all(directory: Path | None = None) -> dict[str, str]:
    """Return every variable; {} where there is no directory. Raises OSError for one unreadable.

    Bytes that are not UTF-8 come through as in `os.environ`.
    """
    place = directory or _running()
    try:
        with _opened(place) as descriptor:
            names = sorted(filter(valid_name, _names(descriptor)))
            return {name: value for name in names for value in _read_one(descriptor, name)}
    except FileNotFoundError:
        return {}


def remove(name: str, directory: Path | None = None) -> None:
    """Unset one variable; one that is not set is fine. Raises WriteError."""
    place = directory or _running()
    with _writing(place), suppress(FileNotFoundError), _opened(place) as descriptor:
        if valid_name(name):
            os.unlink(name, dir_fd=descriptor)


def clear(directory: Path | None = None) -> None:
    """Unset every variable, and remove what an interrupted write left. Raises WriteError."""
    place = directory or _running()
    with _writing(place), suppress(FileNotFoundError), _opened(place) as descriptor:
        for name in _names(descriptor):
            os.unlink(name, dir_fd=descriptor)


def _running() -> Path:
    return directory_in(os.environ["EDGEPAAS_RUN_DIR"])


def _names(descriptor: int) -> list[str]:
    with os.scandir(descriptor) as entries:
        return [entry.name for entry in entries]


@contextmanager
def _writing(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WriteError(place, error) from error


@contextmanager
def _opened(place: Path) -> Iterator[int]:
    descriptor = os.open(place, DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _make(place: Path) -> None:
    with suppress(FileExistsError):
        place.mkdir(mode=DIRECTORY_MODE)
    status = place.lstat()
    if stat.S_ISDIR(status.st_mode) and stat.S_IMODE(status.st_mode) != DIRECTORY_MODE:
        place.chmod(DIRECTORY_MODE)


def _write_one(directory: int, name: str, content: bytes) -> None:
    temporary = f".{name}.{os.getpid()}"
    try:
        _write_new(directory, temporary, content)
    except FileExistsError:  # an interrupted write of an earlier process of this number
        os.unlink(temporary, dir_fd=directory)
        _write_new(directory, temporary, content)
    os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)


def _write_new(directory: int, name: str, content: bytes) -> None:
    descriptor = os.open(name, NEW_FILE, FILE_MODE, dir_fd=directory)
    try:
        while content:
            content = content[os.write(descriptor, content) :]
    except OSError:
        os.unlink(name, dir_fd=directory)
        raise
    finally:
        os.close(descriptor)


def _read_one(directory: int, name: str) -> Iterator[str]:
    """Yield the value of a variable, or nothing where no regular file bears its name."""
    try:
        descriptor = os.open(name, OLD_FILE, dir_fd=directory)
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ELOOP, errno.ENXIO}:
            return
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return
    with os.fdopen(descriptor, "rb") as file:
        yield os.fsdecode(file.read())
