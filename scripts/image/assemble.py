"""Assemble the image's root: the files named here of installed packages, and their libraries.

Runs in the build stage: `python3 assemble.py TARGET [TREE ...]`. Every TREE is searched for shared
objects too, so that what a wheel links against is found. The package database of the result lists
the packages that are really there, so that scanners tell the truth.
"""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

# What a person at a shell, a drop-in script and testinfra use of the 108 programs of coreutils.
COREUTILS = tuple(
    f"/usr/bin/{name}"
    for name in (
        *("[", "basename", "cat", "chmod", "chown", "cp", "cut", "date", "dd", "df", "dirname"),
        *("du", "echo", "env", "expr", "false", "head", "id", "ln", "ls", "md5sum", "mkdir"),
        *("mkfifo", "mktemp", "mv", "nice", "nohup", "nproc", "od", "printenv", "printf", "pwd"),
        *("readlink", "realpath", "rm", "rmdir", "seq", "sha256sum", "sleep", "sort", "stat"),
        *("stty", "sync", "tail", "tee", "test", "timeout", "touch", "tr", "true", "truncate"),
        *("tty", "uname", "uniq", "unlink", "wc", "whoami", "yes"),
    )
)

# Packages taken whole (without what EXCLUDED names), or only the named files of them.
PACKAGES: dict[str, tuple[str, ...]] = {
    "base-files": ("*",),
    "bash": ("/usr/bin/bash",),
    "ca-certificates": (),
    "coreutils": COREUTILS,
    "dash": ("/usr/bin/*",),
    "findutils": ("/usr/bin/*",),
    "grep": ("/usr/bin/grep",),
    "libc-bin": ("/usr/bin/getent", "/usr/bin/ldd", "/etc/*"),
    "libc6": (
        "/etc/*",
        "/usr/lib64/*",
        "/usr/lib/*/ld-linux*",
        "/usr/lib/*/libnss_dns*",
        "/usr/lib/*/libnss_files*",
    ),
    "libpython3.13-minimal": ("*",),
    "libpython3.13-stdlib": ("*",),
    "netbase": ("/etc/*",),
    "openssl": ("/etc/ssl/openssl.cnf", "/usr/lib/ssl/cert*", "/usr/lib/ssl/openssl.cnf"),
    "openssl-provider-legacy": (),
    "procps": ("/usr/bin/ps", "/usr/bin/kill"),
    "python3-minimal": ("/usr/bin/python3",),
    "python3.13-minimal": ("/usr/bin/*",),
    "sed": ("/usr/bin/sed",),
    "tzdata": ("/usr/share/zoneinfo/*",),
}

# Made by packages' scripts, so in no package's list of files.
GENERATED = (
    "/etc/ld.so.cache",
    "/etc/nsswitch.conf",
    "/etc/ssl/certs/ca-certificates.crt",
    "/usr/share/zoneinfo/localtime",
)

EXCLUDED = (
    "*/__pycache__/*",
    "*/config-3.*",
    "*/lib-dynload/_*test*",
    "*/lib-dynload/_curses*",
    "*/lib-dynload/_dbm*",
    "*/lib-dynload/_xx*",
    "*/lib-dynload/xx*",
    "*/python3.13/_ios_support.py",
    "*/python3.13/curses/*",
    "*/python3.13/ensurepip/*",
    "*/python3.13/idlelib/*",
    "*/python3.13/pydoc_data/*",
    "*/python3.13/test/*",
    "*/python3.13/turtle.py",
    "*/python3.13/venv/*",
    "/etc/issue*",
    "/etc/profile.d/*",
    "/etc/update-motd.d/*",
    "/usr/share/base-files/*",
    "/usr/share/binfmts/*",
    "/usr/share/doc/*",
    "/usr/share/info/*",
    "/usr/share/lintian/*",
    "/usr/share/man/*",
    "/usr/share/zoneinfo/right/*",
)
KEPT_ANYWAY = ("/usr/share/doc/*/copyright",)

DIRECTORIES = {
    "tmp": 0o1777,
    "var/tmp": 0o1777,
    "run": 0o775,
    "proc": 0o555,
    "sys": 0o555,
    "dev": 0o755,
}

NEEDED = re.compile(r"=> (/\S+) \(0x|^\s+(/\S+) \(0x", re.MULTILINE)


def output_of(*command: str) -> str:
    """Return what `command` prints; it must succeed."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def matches(path: str, patterns: Iterable[str]) -> bool:
    """Tell whether `path` matches one of the glob `patterns`."""
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


def is_wanted(path: str) -> bool:
    """Tell whether a file of a package that is taken whole goes into the image."""
    return matches(path, KEPT_ANYWAY) or not matches(path, EXCLUDED)


def canonical(path: str) -> str:
    """Return `path` with its folder's symbolic links followed (/bin/sh is /usr/bin/sh)."""
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))


def files_of(package: str, patterns: tuple[str, ...]) -> Iterator[str]:
    """Yield the files, links and empty folders of `package` that go into the image."""
    for line in output_of("dpkg-query", "--listfiles", package).splitlines():
        if not os.path.lexists(line) or line == "/.":
            continue
        path = canonical(line)
        wanted = matches(path, KEPT_ANYWAY) or (matches(path, patterns) and is_wanted(path))
        if wanted and (os.path.islink(path) or os.path.isfile(path) or "*" in patterns):
            yield path


def shared_objects(paths: Iterable[str]) -> Iterator[str]:
    """Yield those of `paths` that are ELF files."""
    for path in paths:
        if os.path.isfile(path) and not os.path.islink(path):
            with open(path, "rb") as file:
                if file.read(4) == b"\x7fELF":
                    yield path


def libraries_of(objects: Iterable[str]) -> set[str]:
    """Return every shared library the loader would open for `objects`, links and their targets."""
    found: set[str] = set()
    for path in objects:
        done = subprocess.run(["ldd", path], check=False, capture_output=True, text=True)
        if "not found" in done.stdout:
            sys.exit(f"assemble: {path} needs a library that is not installed:\n{done.stdout}")
        for match in NEEDED.finditer(done.stdout):
            library = canonical(match.group(1) or match.group(2))
            found.update({library, os.path.realpath(library)})
    return found


def files_below(tree: str) -> Iterator[str]:
    """Yield every file and link below `tree`."""
    for folder, _, names in os.walk(tree):
        for name in names:
            yield os.path.join(folder, name)


def owner_of(path: str) -> str | None:
    """Return the package that owns `path`; None when no package does."""
    done = subprocess.run(
        ["dpkg-query", "--search", path], check=False, capture_output=True, text=True
    )
    return done.stdout.split(":")[0] if done.returncode == 0 else None


def owners_of(paths: Iterable[str]) -> set[str]:
    """Return the packages that own `paths`."""
    return {owner for owner in map(owner_of, sorted(paths)) if owner}


def copy(path: str, target: Path) -> None:
    """Copy one file, link or empty folder with its parent folders."""
    destination = target / path.lstrip("/")
    destination.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    if os.path.isdir(path) and not os.path.islink(path):
        destination.mkdir(mode=0o755, exist_ok=True)
    elif not os.path.lexists(destination):
        shutil.copy2(path, destination, follow_symlinks=False)


def strip_set_id(target: Path) -> None:
    """Take set-user-id and set-group-id off: under no-new-privileges they would be void anyway."""
    for path in files_below(str(target)):
        mode = os.lstat(path).st_mode
        if not os.path.islink(path) and mode & 0o6000:
            os.chmod(path, mode & 0o777)


def write_package_database(packages: Iterable[str], target: Path) -> None:
    """Write the list of packages where dpkg keeps it."""
    database = target / "var/lib/dpkg/status"
    database.parent.mkdir(parents=True, exist_ok=True)
    database.write_text(
        "".join(output_of("dpkg-query", "--status", name) + "\n" for name in sorted(packages))
    )


def main(target: Path, trees: list[str]) -> None:
    """Write the root file system into the empty folder `target`."""
    for link in ("bin", "lib", "lib64", "sbin"):
        if os.path.islink(f"/{link}"):
            (target / link).symlink_to(os.readlink(f"/{link}"))
    files = {path for name, patterns in PACKAGES.items() for path in files_of(name, patterns)}
    files.update(path for path in GENERATED if os.path.lexists(path))
    in_trees = (path for tree in trees for path in files_below(tree))
    libraries = libraries_of(shared_objects([*files, *in_trees]))
    libraries = {path for path in libraries if not path.startswith(tuple(trees))}
    packages = set(PACKAGES) | owners_of(libraries)
    copyrights = {f"/usr/share/doc/{name}/copyright" for name in packages}
    for path in sorted(files | libraries | {path for path in copyrights if os.path.lexists(path)}):
        copy(path, target)
    for name, mode in DIRECTORIES.items():
        (target / name).mkdir(parents=True, exist_ok=True)
        (target / name).chmod(mode)
    strip_set_id(target)
    write_package_database(packages, target)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
