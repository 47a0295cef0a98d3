"""The files of the image: what is there, with which modes, and what is not."""

import re
import stat
import subprocess
from pathlib import Path

import pytest

from scripts.build import certificate_bundle
from scripts.checkout import ROOT
from tests.support.engine import in_image
from tests.support.image_tree import ImageTree

WRITABLE_BY_ALL = {"/run": 0o1777, "/tmp": 0o1777, "/var/tmp": 0o1777}
OURS_TO_WRITE = ("/data", "/run/edgepaas")
UNWANTED_PROGRAMS = re.compile(
    r"bin/(apt|apt-get|dpkg|gcc|cc|g\+\+|make|ld|as|perl|curl|wget|git|pip3?|uv|python3-config|gpgv?"
    r"|su|sudo|mount|passwd|chsh|newgrp)$"
)
UNWANTED_PLACES = (
    *("/usr/include", "/usr/share/man", "/usr/share/locale", "/usr/lib/x86_64-linux-gnu/gconv"),
    *("/var/cache/apt", "/var/lib/apt", "/root/.cache", "/build"),
)
CERTIFICATES = re.compile(rb"-----BEGIN CERTIFICATE-----\n(.+?)-----END", re.DOTALL)


def tracked(folder: str) -> list[Path]:
    """Return the files of the checkout below `folder` that are git's, or would be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return [ROOT / name for name in listed if (ROOT / name).is_file()]


@pytest.mark.parametrize(("folder", "prefix"), [("rootfs", ""), ("app", "/srv/app")])
def test_every_file_of_the_tree_is_in_the_image_as_it_is(
    tree: ImageTree, folder: str, prefix: str
) -> None:
    files = {f"{prefix}/{path.relative_to(ROOT / folder)}": path for path in tracked(folder)}
    assert files
    contents = tree.contents(set(files))
    assert contents.keys() == files.keys()
    different = [name for name, path in files.items() if contents[name] != path.read_bytes()]
    assert not different


def test_modes_come_from_the_executable_bit_alone(tree: ImageTree) -> None:
    for path in tracked("rootfs"):
        entry = tree.files[f"/{path.relative_to(ROOT / 'rootfs')}"]
        expected = 0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644
        assert oct(entry.mode) == oct(expected), path


def test_root_owns_everything_but_what_the_service_writes(tree: ImageTree) -> None:
    owners = {path: (entry.uid, entry.gid) for path, entry in tree.entries.items()}
    others = {path: owner for path, owner in owners.items() if owner != (0, 0)}
    assert others == dict.fromkeys(OURS_TO_WRITE, (10001, 0))


def test_group_root_may_write_where_the_service_writes(tree: ImageTree) -> None:
    assert {oct(tree.entries[path].mode) for path in OURS_TO_WRITE} == {oct(0o2775)}
    assert oct(tree.entries["/run"].mode) == oct(0o1777)  # a tmpfs there takes it: any group boots


def test_nothing_is_writable_by_all_but_the_temporary_folders(tree: ImageTree) -> None:
    writable = {
        path: entry.mode
        for path, entry in tree.entries.items()
        if entry.mode & stat.S_IWOTH and not entry.issym()
    }
    assert writable == WRITABLE_BY_ALL


def test_nothing_gains_rights_when_executed(tree: ImageTree) -> None:
    assert [path for path, entry in tree.files.items() if entry.mode & 0o6000] == []


def test_no_build_tool_and_no_package_manager(tree: ImageTree) -> None:
    assert [path for path in tree.files if UNWANTED_PROGRAMS.search(path)] == []
    assert [path for path in tree.files if path.startswith(UNWANTED_PLACES)] == []
    assert [
        path for path in tree.entries if re.search(r"site-packages/(pip|setuptools)", path)
    ] == []


def test_no_tests_and_no_sources_of_compiled_modules(tree: ImageTree) -> None:
    leftovers = re.compile(r"site-packages/.*(/tests?/|\.pyx$|\.pxd$|\.c$|\.h$)")
    assert [path for path in tree.entries if leftovers.search(path)] == []


def test_no_certificate_of_the_machine_that_built_it(tree: ImageTree) -> None:
    in_image = CERTIFICATES.findall(tree.content("/etc/ssl/certs/ca-certificates.crt"))
    assert len(in_image) > 100
    local = Path("/usr/local/share/ca-certificates")
    of_machine = [
        found for path in local.rglob("*.crt") for found in CERTIFICATES.findall(path.read_bytes())
    ]
    assert not set(of_machine) & set(in_image)
    bundle = certificate_bundle()
    copies = [
        path
        for path, entry in tree.files.items()
        if bundle and entry.size == Path(bundle).stat().st_size
    ]
    assert copies == [] or tree.content(copies[0]) != Path(str(bundle)).read_bytes()


def test_the_package_database_lists_what_is_there(tree: ImageTree) -> None:
    database = tree.content("/var/lib/dpkg/status").decode()
    packages = set(re.findall(r"^Package: (.+)$", database, re.MULTILINE))
    assert {"libc6", "python3.13-minimal", "libssl3t64", "coreutils", "tzdata"} <= packages
    assert not packages & {"apt", "dpkg", "perl-base", "gcc-14", "python3-pip"}


def test_every_time_zone_is_there_and_reckons_beyond_its_table(image: str) -> None:
    program = (
        "import zoneinfo, datetime; print(len(zoneinfo.available_timezones()));"
        "print(datetime.datetime(2090, 7, 1, tzinfo=zoneinfo.ZoneInfo('Europe/Berlin')).tzname())"
    )
    zones, name = in_image(image, "python", "-c", program).stdout.split()
    assert int(zones) > 480
    assert name == "CEST"
    done = in_image(image, "env", "TZ=Europe/Berlin", "date", "-d", "2090-07-01", "+%Z")
    assert done.stdout == "CEST\n"


def test_every_licence_that_is_referred_to_is_there(tree: ImageTree) -> None:
    licences = "/usr/share/common-licenses/"
    copyrights = {path for path in tree.files if path.endswith("/copyright")}
    referred = {
        name
        for text in tree.contents(copyrights).values()
        for name in re.findall(rb"common-licenses/([\w.-]*\w)", text)
    }
    assert [name for name in referred if f"{licences}{name.decode()}" not in tree.entries] == []


def test_python_itself_says_which_dependencies_are_installed(tree: ImageTree) -> None:
    locked = re.findall(
        r"^([\w-]+)==", (ROOT / "requirements/runtime.txt").read_text(), re.MULTILINE
    )
    found = {
        match.group(1).lower().replace("_", "-")
        for path in tree.entries
        if (match := re.search(r"site-packages/([\w.]+)-[^/]+\.dist-info/METADATA$", path))
    }
    assert found <= set(locked)
    assert {"fastapi", "gunicorn", "supervisor", "sqlalchemy"} <= found


# Megabytes each part may have; all of them together test_build.py.
BUDGETS = {
    "/opt/edgepaas": 2.2,
    "/opt/venv": 29.5,
    "/opt/venv/lib/python3.13/site-packages/apprise": 1.8,
    "/opt/venv/lib/python3.13-sources": 2.1,
    "/srv": 1,
    "/usr/bin": 9.7,
    "/usr/lib": 26.8,
    "/usr/lib/python3.13": 10.5,
    "/usr/lib/x86_64-linux-gnu": 15.3,
    "/usr/local": 0.1,
    "/usr/share": 1,
    "/var": 0.1,
}


@pytest.mark.parametrize(("folder", "megabytes"), BUDGETS.items())
def test_each_part_keeps_its_budget(tree: ImageTree, folder: str, megabytes: float) -> None:
    assert tree.size_below(folder) <= megabytes * 10**6


def test_nothing_lies_outside_the_budgets(tree: ImageTree) -> None:
    outside = sum(
        entry.size
        for path, entry in tree.files.items()
        if not path.startswith(tuple(f"{folder}/" for folder in BUDGETS))
    )
    assert outside <= 500_000
