"""The unit alerts, and PID 1's last alert, under the real PID 1 with a real web hook."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from boot.longruns import alerts
from tests.support.alert_receivers import Webhook
from tests.support.native_boot import ROOTFS, NativeBoot
from tests.support.stub_web import READY, with_web

CONF_D = ROOTFS / "etc/supervisor/conf.d"
UNITS = ("10-env-check", "50-metrics", "70-alerts")
PATIENCE = 60.0
LONG = "100"
NewBoot = Callable[..., NativeBoot]


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with Webhook() as made:
        yield made


def watched(new_boot: NewBoot, **environment: str) -> NativeBoot:
    """Return a boot of a stub for web, the real sidecar and the real unit alerts."""
    boot = with_web(new_boot, EDGEPAAS_ALERT_UNREADY_AFTER="1", **environment)
    for name in UNITS:
        (boot.conf_d / f"{name}.conf").symlink_to(CONF_D / f"{name}.conf")
    return boot


def run(boot: NativeBoot) -> int:
    """Run a boot that ends, with the patience that a slow sender may need."""
    boot.start()
    return boot.ended(PATIENCE)


def decide(boot: NativeBoot, name: str, value: str) -> None:
    (boot.run_dir / "env" / name).write_text(value)


def test_a_disk_is_as_full_as_it_says_and_one_that_is_not_there_says_nothing() -> None:
    full = alerts.percent("/")
    assert full is not None
    assert 0 <= full <= 100
    assert alerts.percent("/no/such/place") is None


def test_a_fallback_and_a_loss_of_readiness_are_told_with_their_ends(
    new_boot: NewBoot, hook: Webhook
) -> None:
    boot = watched(new_boot, EDGEPAAS_ALERT_URLS=hook.url)
    boot.start()
    boot.wait("ready")
    decide(boot, "EDGEPAAS_DB_REASON", "refused for 30 s")
    decide(boot, "EDGEPAAS_DB_FALLBACK_ACTIVE", "1")
    boot.wait_for(lambda: hook.heard("fallback entered"), "fallback entered", PATIENCE)
    assert "refused for 30 s" in hook.got[0]["message"]
    boot.file("answer", '503 {"status": "unready", "reason": "database"}')
    boot.wait_for(lambda: hook.heard("not ready for 1 s"), "not ready", PATIENCE)
    boot.file("answer", READY)
    decide(boot, "EDGEPAAS_DB_FALLBACK_ACTIVE", "0")
    boot.wait_for(lambda: hook.heard("ready again"), "ready again", PATIENCE)
    boot.wait_for(lambda: hook.heard("fallback left"), "fallback left", PATIENCE)
    assert boot.stop() == 0
    assert len(hook.got) == 4
    assert "apprise" not in boot.log()


def test_a_dead_hook_is_waited_for_by_nobody(new_boot: NewBoot) -> None:
    with Webhook(0) as silent:
        boot = watched(new_boot, EDGEPAAS_ALERT_URLS=silent.url)
        boot.start()
        boot.wait("ready")
        decide(boot, "EDGEPAAS_DB_FALLBACK_ACTIVE", "1")
        boot.wait_for(lambda: silent.got, "an attempt", PATIENCE)
        assert boot.stop() == 0
        assert any(
            line.startswith("alert not sent: fallback entered") for line in boot.messages("alerts")
        )


def test_without_urls_there_is_no_such_process(new_boot: NewBoot) -> None:
    boot = watched(new_boot)
    boot.start()
    boot.wait("ready")
    assert boot.entry("alerts")["state"] == "skipped"
    assert boot.stop() == 0


def test_the_last_alert_says_why_the_container_ended_and_once_in_a_cool_down(
    new_boot: NewBoot, hook: Webhook
) -> None:
    boot = new_boot(EDGEPAAS_ALERT_URLS=hook.url, EDGEPAAS_STOP_TIMEOUT=LONG)
    boot.oneshot("schema-bootstrap", "echo the table is gone; exit 76")
    assert run(boot) == 76
    (got,) = hook.got
    assert "migration failed: the container ended with status 76" in got["title"]
    assert "schema-bootstrap exited with 76: the table is gone" in got["message"]
    *_, told, last = boot.messages()
    assert told.startswith("alert sent to json://127.0.0.1")
    assert last.startswith("exit status 76")
    assert run(boot) == 76
    assert len(hook.got) == 1
    assert "alert not sent again" in boot.log()


def test_a_crash_loop_is_told(new_boot: NewBoot, hook: Webhook) -> None:
    boot = new_boot(EDGEPAAS_ALERT_URLS=hook.url, EDGEPAAS_STOP_TIMEOUT=LONG)
    boot.notifying("web", "notify('READY=1'); raise SystemExit(3)", restarts="1/60")
    assert run(boot) == 71
    assert hook.heard("crash loop")
    assert "after 1 restarts" in hook.got[0]["message"]


def test_a_last_alert_that_cannot_be_sent_in_time_is_said_as_not_sent(new_boot: NewBoot) -> None:
    with Webhook(0) as silent:
        boot = new_boot(EDGEPAAS_ALERT_URLS=silent.url, EDGEPAAS_STOP_TIMEOUT="2")
        boot.oneshot("migrate", "exit 76")
        assert run(boot) == 76
        (said,) = [line for line in boot.messages() if line.startswith("alert not sent to json")]
        assert "no answer within" in said


def test_a_secret_in_a_cause_is_told_nobody(new_boot: NewBoot, hook: Webhook) -> None:
    url = hook.url.replace("//", "//user:Sup3rSecretT0ken@")
    database = "postgresql://shop:k33p-0ut@db/shop"
    boot = new_boot(EDGEPAAS_ALERT_URLS=url, DATABASE_URL=database, EDGEPAAS_STOP_TIMEOUT=LONG)
    boot.oneshot("migrate", 'echo "$DATABASE_URL $EDGEPAAS_ALERT_URLS"; exit 76')
    assert run(boot) == 76
    told = boot.log() + str(hook.got) + Path(boot.run_dir / "boot.json").read_text()
    assert len(hook.got) == 1
    assert "k33p-0ut" not in told
    assert "Sup3rSecretT0ken" not in told


def test_who_stops_it_is_not_alerted(new_boot: NewBoot, hook: Webhook) -> None:
    boot = new_boot(EDGEPAAS_ALERT_URLS=hook.url, EDGEPAAS_STOP_TIMEOUT=LONG)
    boot.longrun("stay")
    boot.start()
    boot.wait("ready")
    assert boot.stop() == 0
    assert hook.got == []
