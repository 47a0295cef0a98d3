"""edgepaas support-bundle: what is in it, and what never is."""

import io
import json
import os
import shutil
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from boot.contract import load
from tests.support.native_boot import ROOTFS, NativeBoot, quoted
from tests.support.operator import edgepaas, raw
from tests.support.ports import free_port
from tests.support.stub_web import with_web

CANARY = "canary-q7!%w\"e'r\\t"
TELLS_ITS_SECRETS = """
import json
told = {name: value for name, value in os.environ.items() if "canary" in value}
open(os.environ["EDGEPAAS_RUN_DIR"] + "/env/MADE_UP_TOKEN", "w").write("canary-made-up-by-a-unit")
print(told, flush=True)
notify("STATUS=" + json.dumps(told))
notify("READY=1")
signal.pause()
"""


def unpacked(content: bytes) -> dict[str, str]:
    """Return the text of each file by its name, without the directory they share."""
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        texts = {}
        for member in archive.getmembers():
            file = archive.extractfile(member)
            assert file is not None
            texts[member.name.partition("/")[2]] = file.read().decode()
        return texts


def secret_environment(boot: NativeBoot) -> dict[str, str]:
    """Return every secret of the contract with a canary in it, one of them in a file."""
    given = {}
    for variable in load(ROOTFS).settable:
        if not variable.secret:
            continue
        value = f"{CANARY}-{variable.name}"
        if variable.type == "database-url":
            host = f"127.0.0.1:{free_port()}"
            value = f"postgresql://user:{quote(value, safe='')}@{host}/shop"
        if variable.name == "EDGEPAAS_ALERT_URLS":
            value = f"json://127.0.0.1:{free_port()}/{value}"
        given[variable.name] = value
    path = boot.file("token", given.pop("EDGEPAAS_METRICS_TOKEN"))
    return {
        **given,
        "EDGEPAAS_METRICS_TOKEN_FILE": str(path),
        "OF_A_CLOUD_SECRET": CANARY + "cloud",
    }


def test_no_secret_is_in_any_file(new_boot: Callable[..., NativeBoot]) -> None:
    boot = with_web(new_boot, EDGEPAAS_DB_MODE="sqlite")
    boot.environment |= secret_environment(boot)
    for name in ("10-env-check", "20-db-wait"):
        shutil.copy(ROOTFS / f"etc/supervisor/conf.d/{name}.conf", boot.conf_d)
    boot.notifying("chatty", TELLS_ITS_SECRETS, requires="db-wait")
    argument = boot.environment["OF_A_CLOUD_SECRET"]
    script = boot.file("argument.sh", "sleep infinity; true")
    boot.unit("argument", quoted("/bin/sh", str(script), argument), type="longrun", ready="started")
    boot.start()
    boot.wait("ready")
    done = raw(boot.environment, "support-bundle", "-")
    files = unpacked(done.stdout)
    assert done.returncode == 0
    assert "***" in files["boot.json"], "the unit's status was to be masked"
    assert "***" in files["processes.txt"], "the argument was to be masked"
    assert [name for name, text in files.items() if "canary" in text.lower()] == []
    assert b"canary" not in done.stderr
    assert "canary" not in edgepaas(boot.environment, "doctor", "--json").out


def test_what_helps_is_in_it_and_the_readme_lists_it(new_boot: Callable[..., NativeBoot]) -> None:
    boot = with_web(new_boot)
    boot.start()
    boot.wait("ready")
    files = unpacked(raw(boot.environment, "support-bundle", "-").stdout)
    expected = "README doctor.txt doctor.json boot.txt boot.json config.json supervisord.conf"
    expected += " environment-names.txt versions.txt processes.txt health-ready.json units/web.conf"
    expected += " proc/self/mountinfo proc/self/limits proc/meminfo"
    assert set(expected.split()) <= files.keys()
    for name in files.keys() - {"README"}:
        assert f"\n{name} " in files["README"]
    assert json.loads(files["boot.json"]) == boot.report()
    assert json.loads(files["doctor.json"])["findings"]
    assert json.loads(files["config.json"])["PORT"]["value"] == boot.environment["PORT"]
    assert "MISSING: nobody answers on 127.0.0.1" in files["README"]  # no sidecar here
    assert "exit.json" not in files


def test_names_of_the_environment_are_told_without_values(boot: NativeBoot) -> None:
    files = unpacked(raw(boot.environment, "support-bundle", "-", HARMLESS="w0rd-of-ours").stdout)
    assert "HARMLESS\n" in files["environment-names.txt"]
    assert [name for name, text in files.items() if "w0rd-of-ours" in text] == []


def test_a_file_is_its_owners_only_and_named_after_the_boot(boot: NativeBoot) -> None:
    boot.longrun("web", ready="started")
    boot.start()
    boot.wait("ready")
    target = boot.directory / "bundle.tgz"
    done = edgepaas(boot.environment, "support-bundle", str(target))
    assert done.status == 0
    assert done.out.startswith(f"{target}: ")
    assert "docker exec CONTAINER edgepaas support-bundle - >" in done.out
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with tarfile.open(target) as archive:
        assert archive.getnames()[0] == f"edgepaas-support-{boot.report()['boot_id']}/README"


def test_it_works_where_nothing_runs(boot: NativeBoot) -> None:
    files = unpacked(raw(boot.environment, "support-bundle", "-").stdout)
    assert files["doctor.txt"].startswith("not ready: PID 1: nothing runs here")
    assert "boot.json" not in files


def test_the_default_file_replaces_a_link_and_does_not_follow_it(boot: NativeBoot) -> None:
    boot.run_dir.mkdir()
    name = f"test{os.getpid()}"
    (boot.run_dir / "boot.json").write_text(json.dumps({"boot_id": name, "units": []}))
    default, victim = Path(f"/tmp/edgepaas-support-{name}.tar.gz"), boot.file("victim", "mine")
    default.symlink_to(victim)
    try:
        done = edgepaas(boot.environment, "support-bundle")
        assert done.out.startswith(f"{default}: ")
        assert not default.is_symlink()
        assert victim.read_text() == "mine\n"
    finally:
        default.unlink()


def test_a_place_that_cannot_be_written_is_named(boot: NativeBoot) -> None:
    done = edgepaas(boot.environment, "support-bundle", "/proc/no/bundle.tgz")
    assert done.status == 73
    assert done.err.startswith("/proc/no/bundle.tgz cannot be written: No such file")


def test_a_full_disk_is_74_and_leaves_nothing(boot: NativeBoot) -> None:
    """A limit on file size stands in: ENOSPC and EFBIG take the same way out."""
    target = boot.directory / "bundle.tgz"
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512)); "
        "from boot.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "support-bundle", str(target)],
        env=boot.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {73, 74}, done.stderr
    assert "File too large" in done.stderr
    assert list(boot.directory.glob("*bundle*")) == []


@pytest.mark.parametrize("words", [("-x",), ("a", "b"), ("--json",)])
def test_unknown_words_are_refused(boot: NativeBoot, words: tuple[str, ...]) -> None:
    assert edgepaas(boot.environment, "support-bundle", *words).status == 64
