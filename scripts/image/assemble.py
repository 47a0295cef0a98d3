"""Assemble the image's root: the files named here of installed packages, and their libraries.

Runs in the build stage: `python3 assemble.py TARGET`, and once wheels are installed `python3
assemble.py TARGET BENEATH TREE`: TARGET, which goes on top of BENEATH, gets the libraries that the
wheels in TREE link and BENEATH has not. The package database of the result lists the packages that
are really there, so that scanners tell the truth.
"""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

# The programs of coreutils that people and scripts give GNU's options, and `env` for /init.
COREUTILS = tuple(f"/usr/bin/{name}" for name in ("date", "env", "ls", "timeout"))

# One program under many names: the rest of what a shell needs, and what helps to find a fault.
BUSYBOX = "/usr/bin/busybox"
APPLETS = (
    *("[", "ash", "awk", "base64", "basename", "bc", "bunzip2", "cal", "cat", "chgrp"),
    *(
        "chmod",
        "chown",
        "clear",
        "cmp",
        "cp",
        "cpio",
        "cut",
        "dd",
        "df",
        "diff",
        "dirname",
        "dnsdomainname",
    ),
    *("du", "echo", "egrep", "expand", "expr", "factor", "false", "fgrep", "find", "fold"),
    *("free", "fuser", "getopt", "grep", "groups", "gunzip", "gzip", "head", "hexdump"),
    *(
        "hostname",
        "id",
        "install",
        "ip",
        "killall",
        "less",
        "ln",
        "lsof",
        "md5sum",
        "mkdir",
        "mkfifo",
    ),
    *("mktemp", "more", "mv", "nc", "netstat", "nice", "nl", "nohup", "nproc", "nslookup"),
    *("od", "paste", "pgrep", "pidof", "ping", "pkill", "printenv", "printf", "pstree"),
    *("pwd", "readlink", "realpath", "rev", "rm", "rmdir", "run-parts", "sed", "seq"),
    *(
        "setsid",
        "sh",
        "sha1sum",
        "sha256sum",
        "sha512sum",
        "shuf",
        "sleep",
        "sort",
        "stat",
        "strings",
    ),
    *(
        "stty",
        "sync",
        "tac",
        "tail",
        "tar",
        "taskset",
        "tee",
        "test",
        "time",
        "top",
        "touch",
        "tr",
        "traceroute",
        "true",
    ),
    *("truncate", "ts", "tty", "uname", "uniq", "unlink", "unxz", "unzip", "uptime"),
    *("usleep", "vi", "wc", "which", "whoami", "xargs", "xxd", "xzcat", "yes", "zcat"),
)

# Packages taken whole (without what EXCLUDED names), or only the named files of them.
PACKAGES: dict[str, tuple[str, ...]] = {
    "base-files": ("*",),
    "bash": ("/usr/bin/bash",),
    "busybox": (BUSYBOX,),
    "ca-certificates": (),
    "coreutils": COREUTILS,
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
    "*/asyncio/windows_*.py",
    "*/config-3.*",
    "*/lib-dynload/_*test*",
    "*/lib-dynload/_curses*",
    "*/lib-dynload/_dbm*",
    "*/lib-dynload/_xx*",
    "*/lib-dynload/xx*",
    "*/multiprocessing/popen_spawn_win32.py",
    "*/python3.13/_aix_support.py",
    "*/python3.13/_android_support.py",
    "*/python3.13/_apple_support.py",
    "*/python3.13/_ios_support.py",
    "*/python3.13/_pydatetime.py",  # stand-ins for modules in C, which are there
    "*/python3.13/_pydecimal.py",
    "*/python3.13/_pyio.py",
    "*/python3.13/_pyrepl/windows_*.py",
    "*/python3.13/curses/*",
    "*/python3.13/ensurepip/*",
    "*/python3.13/idlelib/*",
    "*/python3.13/pydoc_data/*",
    "*/python3.13/sitecustomize.py",  # ours takes its place
    "*/python3.13/test/*",
    "*/python3.13/turtle.py",
    "*/python3.13/venv/*",
    "/etc/issue*",
    "/etc/profile.d/*",
    "/etc/update-motd.d/*",
    "/usr/share/base-files/*",
    "/usr/share/binfmts/*",
    "/usr/share/common-licenses/*",  # those that are referred to come with what refers to them
    "/usr/share/doc/*",
    "/usr/share/info/*",
    "/usr/share/lintian/*",
    "/usr/share/man/*",
    "/usr/share/zoneinfo/leap*",
    "/usr/share/zoneinfo/right/*",
    "/usr/share/zoneinfo/tzdata.zi",
    "/usr/share/zoneinfo/zonenow.tab",
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

DATABASE = "var/lib/dpkg/status"
ZONES = "/usr/share/zoneinfo"
LICENSES = "/usr/share/common-licenses"
LICENSE = re.compile(r"common-licenses/([\w.-]*\w)")
PACKAGE = re.compile(r"^Package: (.+)$", re.MULTILINE)
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
    done = subprocess.run(["ldd", *objects], check=False, capture_output=True, text=True)
    if "not found" in done.stdout:
        sys.exit(f"assemble: libraries are not installed:\n{done.stdout}")
    for match in NEEDED.finditer(done.stdout):
        library = canonical(match.group(1) or match.group(2))
        found.update({library, os.path.realpath(library)})
    return found


def files_below(tree: str) -> Iterator[str]:
    """Yield every file and link below `tree`."""
    for folder, _, names in os.walk(tree):
        for name in names:
            yield os.path.join(folder, name)


def owners_of(paths: Iterable[str]) -> set[str]:
    """Return the packages that own `paths`, as far as any does."""
    command = ["dpkg-query", "--search", *sorted(paths)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return {line.split(":")[0] for line in done.stdout.splitlines()}


def copy(path: str, target: Path) -> None:
    """Copy one file, link or empty folder with its parent folders."""
    destination = target / path.lstrip("/")
    destination.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    if os.path.isdir(path) and not os.path.islink(path):
        destination.mkdir(mode=0o755, exist_ok=True)
    elif not os.path.lexists(destination):
        shutil.copy2(path, destination, follow_symlinks=False)


def slim_zones(target: Path) -> None:
    """Write the time zones anew in the form that leaves out what a reader can reckon itself."""
    with tempfile.TemporaryDirectory() as folder:
        output_of("zic", "-b", "slim", "-d", folder, f"{ZONES}/tzdata.zi")
        for path in files_below(folder):
            zone = target / ZONES.lstrip("/") / os.path.relpath(path, folder)
            if zone.is_file() and not zone.is_symlink():
                shutil.copyfile(path, zone)


def strip_set_id(target: Path) -> None:
    """Take set-user-id and set-group-id off: under no-new-privileges they would be void anyway."""
    for path in files_below(str(target)):
        mode = os.lstat(path).st_mode
        if not os.path.islink(path) and mode & 0o6000:
            os.chmod(path, mode & 0o777)


def link_applets(target: Path) -> None:
    """Let busybox answer to the names of those of `APPLETS` that it has and nobody else is."""
    has = set(output_of(BUSYBOX, "--list").split())
    for name in sorted(has.intersection(APPLETS)):
        link = target / "usr/bin" / name
        if not os.path.lexists(link):
            link.symlink_to("busybox")


def write_package_database(packages: Iterable[str], target: Path) -> None:
    """Write the list of packages where dpkg keeps it."""
    database = target / DATABASE
    database.parent.mkdir(parents=True, exist_ok=True)
    database.write_text(
        "".join(output_of("dpkg-query", "--status", name) + "\n" for name in sorted(packages))
    )


def copy_with_copyrights(paths: set[str], packages: set[str], target: Path) -> None:
    """Copy files, the copyrights of the packages they are from, and the licences those refer to."""
    named = (f"/usr/share/doc/{name}/copyright" for name in packages)
    copyrights = {path for path in named if os.path.lexists(path)}
    texts = (Path(path).read_text(encoding="utf-8", errors="replace") for path in copyrights)
    referred = {f"{LICENSES}/{name}" for text in texts for name in LICENSE.findall(text)}
    licenses = {path for path in referred if os.path.lexists(path)}
    licenses |= {os.path.realpath(path) for path in licenses}
    for path in sorted(paths | copyrights | licenses):
        copy(path, target)


def system(target: Path) -> None:
    """Write the root file system into the empty folder `target`."""
    for link in ("bin", "lib", "lib64", "sbin"):
        if os.path.islink(f"/{link}"):
            (target / link).symlink_to(os.readlink(f"/{link}"))
    files = {path for name, patterns in PACKAGES.items() for path in files_of(name, patterns)}
    files.update(path for path in GENERATED if os.path.lexists(path))
    libraries = libraries_of(shared_objects(files))
    packages = set(PACKAGES) | owners_of(libraries)
    copy_with_copyrights(files | libraries, packages, target)
    link_applets(target)
    slim_zones(target)
    for name, mode in DIRECTORIES.items():
        (target / name).mkdir(parents=True, exist_ok=True)
        (target / name).chmod(mode)
    strip_set_id(target)
    write_package_database(packages, target)


def libraries_for(tree: str, beneath: Path, target: Path) -> None:
    """Write into `target` the libraries that what is in `tree` links and `beneath` has not."""
    libraries = {
        path
        for path in libraries_of(shared_objects(files_below(tree)))
        if not path.startswith(f"{tree}/") and not os.path.lexists(beneath / path.lstrip("/"))
    }
    if libraries:
        there = PACKAGE.findall((beneath / DATABASE).read_text(encoding="utf-8"))
        packages = owners_of(libraries)
        copy_with_copyrights(libraries, packages, target)
        write_package_database(packages | set(there), target)


def main(target: Path, *of_wheels: str) -> None:
    """Assemble the system, or what wheels need beyond it."""
    if of_wheels:
        beneath, tree = of_wheels
        libraries_for(tree, Path(beneath), target)
    else:
        system(target)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
