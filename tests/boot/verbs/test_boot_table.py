"""edgepaas boot, against a real PID 1."""

import json

from boot.contract import default_root, load
from boot.verbs import place
from tests.support.native_boot import NativeBoot
from tests.support.operator import edgepaas


def test_the_table_has_every_unit_and_the_phase(boot: NativeBoot) -> None:
    boot.oneshot("first")
    boot.longrun("web", requires="first", ready="started")
    boot.start()
    boot.wait("ready")
    done = edgepaas(boot.environment, "boot")
    rows = {line.split()[0]: line for line in done.out.splitlines() if line}
    assert done.status == 0
    assert "done" in rows["first"]
    assert "ready" in rows["web"]
    assert rows["ready,"].startswith("ready, ready after")


def test_json_is_the_report_as_it_is(boot: NativeBoot) -> None:
    boot.longrun("web", ready="started")
    boot.start()
    boot.wait("ready")
    assert json.loads(edgepaas(boot.environment, "boot", "--json").out) == boot.report()


def test_a_boot_that_ended_says_how(boot: NativeBoot) -> None:
    boot.oneshot("first", "exit 76")
    assert boot.run() == 76
    done = edgepaas(boot.environment, "boot")
    assert done.status == 0
    assert done.out.splitlines()[-1].startswith("ended with exit status 76 (the schema")


def test_where_nothing_runs_it_says_so(boot: NativeBoot) -> None:
    done = edgepaas(boot.environment, "boot")
    assert (done.status, done.out) == (69, "")
    assert done.err.startswith("nothing runs here")


def test_a_report_that_is_none_is_an_error(boot: NativeBoot) -> None:
    boot.run_dir.mkdir()
    for content in ("", "[]", "{}", "\0"):
        (boot.run_dir / "boot.json").write_text(content)
        done = edgepaas(boot.environment, "boot")
        assert done.status == 74
        assert "it is not a boot report" in done.err


def test_an_unknown_option_is_refused(boot: NativeBoot) -> None:
    assert edgepaas(boot.environment, "boot", "--jsn").status == 64


def test_the_run_directory_is_the_contracts() -> None:
    """These verbs do not read the contract, which would be most of their time."""
    assert load(default_root({})).lenient({}, "EDGEPAAS_RUN_DIR") == place.RUN_DIR
