"""A secret from the file its NAME_FILE twin names. Imports nothing of ours."""

import os
import stat

BYTES_MOST = 64 * 1024


class SecretFileError(ValueError):
    """The file cannot serve as a secret. The message names the path, never the content."""


def read(path: str) -> str:
    """Return the content of the file at `path` without one trailing newline.

    Bytes that are not UTF-8 come through as `os.fsdecode` writes them. Raises SecretFileError.
    """
    content = _content(path).removesuffix(b"\n")
    if not content:
        raise SecretFileError(f"names {path!r}, which is empty")
    if b"\0" in content:
        raise SecretFileError(f"names {path!r}, which holds a NUL byte")
    if content.endswith(b"\r"):
        raise SecretFileError(f"names {path!r}, whose line ends as on Windows (CR LF)")
    return os.fsdecode(content)


def _content(path: str) -> bytes:
    try:
        # O_NONBLOCK: a named pipe nobody writes to must not hold the boot.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            return _regular(descriptor, path)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise SecretFileError(f"names {path!r}, which cannot be read ({error.strerror})") from None


def _regular(descriptor: int, path: str) -> bytes:
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        kind = "a directory" if stat.S_ISDIR(mode) else "not a regular file"
        raise SecretFileError(f"names {path!r}, which is {kind}")
    with os.fdopen(descriptor, "rb", closefd=False) as file:
        content = file.read(BYTES_MOST + 1)
    if len(content) > BYTES_MOST:
        raise SecretFileError(f"names {path!r}, which is larger than {BYTES_MOST // 1024} KiB")
    return content
