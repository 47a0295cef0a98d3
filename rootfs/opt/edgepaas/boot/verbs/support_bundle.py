"""edgepaas support-bundle: a tar of all that helps to help, without secrets."""

import errno
import io
import os
import re
import sys
import tarfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from boot.doctor import bundle, masking
from boot.doctor.diagnosis import diagnose
from boot.doctor.evidence import Evidence
from boot.exit_status import ExitStatus
from boot.verbs import arguments
from boot.verbs.console import complain, say

USAGE = """\
usage: edgepaas support-bundle [FILE|-]

Writes a .tar.gz with the boot report, doctor, configuration, unit files, versions, processes,
limits and metrics; secrets are masked, and of the environment only the names are told. README in
it lists the files. FILE is by default /tmp/edgepaas-support-BOOT.tar.gz; - is stdout:

  docker exec CONTAINER edgepaas support-bundle - > support.tar.gz"""
STDOUT = "-"
TO_STDOUT = "`docker exec CONTAINER edgepaas support-bundle - > support.tar.gz`"
DIRECTORY = Path("/tmp")  # noqa: S108 - the one place always writable; the file is made anew
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
MODE = 0o600
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})


class File(NamedTuple):
    """One file of the bundle, masked; `missing` says why it has no content."""

    name: str
    meaning: str
    text: str
    missing: str = ""


def main(argv: list[str]) -> int:
    """Write the bundle; return 0, 64, 73 or 74 where it cannot be written."""
    if len(argv) > 1 or any(word.startswith("-") and word != STDOUT for word in argv):
        return arguments.answer("support-bundle", argv, USAGE)
    if argv == [STDOUT] and sys.stdout.isatty():
        complain("a terminal cannot show the bundle: send it into a file, `… - > support.tar.gz`")
        return ExitStatus.USAGE
    evidence = Evidence()
    boot_id = str((evidence.report or {}).get("boot_id") or "no-boot")
    title = f"edgepaas-support-{re.sub(r'[^0-9a-zA-Z-]', '', boot_id)}"
    files = list(collect(evidence))
    content = packed(title, [readme(title, files), *files])
    if argv == [STDOUT]:
        sys.stdout.buffer.write(content)
        return ExitStatus.OK
    return save(Path(argv[0]) if argv else DIRECTORY / f"{title}.tar.gz", content, len(files) + 1)


def collect(evidence: Evidence) -> Iterator[File]:
    """Yield every file of the bundle, masked; what cannot be had says why."""
    mask = masking.of(evidence)
    for member in bundle.members(evidence, diagnose(evidence)):
        try:
            yield File(member.name, member.meaning, mask(member.read()))
        except Exception as error:  # noqa: BLE001 - one missing part must not cost the others
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            yield File(member.name, member.meaning, "", mask(why))


def readme(title: str, files: Iterable[File]) -> File:
    """Return the file that lists the others."""
    lines = [
        title,
        f"made {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} by `edgepaas support-bundle`",
        "",
        "Secrets are masked as ***; of the environment only names are told. Look through it before",
        "you send it on. Not in it, for the container does not keep it: the log. Add",
        "`docker logs --timestamps CONTAINER` and `docker inspect CONTAINER` (that shows values).",
        "",
        *(_line(each) for each in files),
        "",
    ]
    return File("README", "", "\n".join(lines))


def _line(file: File) -> str:
    missing = f"; MISSING: {file.missing}" if file.missing else ""
    return f"{file.name:<28} {file.meaning}{missing}"


def packed(title: str, files: Iterable[File]) -> bytes:
    """Return the files as a gzipped tar, in one directory."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for file in files:
            if file.missing:
                continue
            content = file.text.encode(errors="backslashreplace")
            member = tarfile.TarInfo(f"{title}/{file.name}")
            member.size, member.mtime, member.mode = len(content), int(time.time()), MODE
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def save(path: Path, content: bytes, count: int) -> int:
    """Write the bundle for its owner only and say where it is; return the exit status."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(beside, NEW_FILE, MODE), "wb") as file:
            file.write(content)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        complain(
            f"{path} cannot be written: {error.strerror}; name another FILE, or use - for stdout: "
            f"{TO_STDOUT}"
        )
        return ExitStatus.IO if error.errno in FULL else ExitStatus.CANNOT_WRITE
    say(
        f"{path}: {count} files, {len(content) / 1024:.0f} KiB, secrets masked; README in it "
        f"lists them.\nTo have it outside: {TO_STDOUT}"
    )
    return ExitStatus.OK
