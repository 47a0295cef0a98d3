"""A delivery for real: apprise, a web hook and a mail server on this machine."""

import subprocess
import sys

import pytest

from boot.alerts.alert import Alert, Kind
from boot.alerts.delivery import Delivery
from tests.support.alert_receivers import Mailbox, Webhook
from tests.support.oneshot import LAYER
from tests.support.operator import edgepaas
from tests.support.ports import free_port

ALERT = Alert("disk", Kind.WARNING, "disk full", "Very: äöü.")
PATIENCE = 120.0


@pytest.fixture(autouse=True)
def where_the_sender_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(LAYER))
    monkeypatch.setenv("SLOT", "blue")


def test_a_hook_and_a_mail_server_get_it_and_who_does_not_is_told() -> None:
    refused = f"json://127.0.0.1:{free_port()}/"
    with Webhook() as hook, Mailbox() as mailbox, Webhook(500) as broken:
        urls = [hook.url, mailbox.url, broken.url, refused, "nosuch://service"]
        results = Delivery(ALERT, urls, PATIENCE).wait()
        assert [result.sent for result in results] == [True, True, False, False, False], results
        (posted,), (mail,) = hook.got, mailbox.got
    assert "disk full" in posted["title"]
    assert " blue]" in posted["title"]
    assert "Very: äöü." in posted["message"]
    assert posted["type"] == "warning"
    assert "disk full" in str(mail["subject"])
    text = next(part for part in mail.walk() if part.get_content_type() == "text/plain")
    assert text.get_payload(decode=True).decode().startswith("Very: äöü.")
    assert mail["to"] == "on-call@example.org"
    assert "500" in results[2].why
    assert results[3].why
    assert "apprise" in results[4].why


def test_who_never_answers_is_not_waited_for_beyond_the_time() -> None:
    with Webhook(0) as silent:
        delivery = Delivery(ALERT, [silent.url], 0.1)
        (result,) = delivery.wait()
        assert (result.sent, result.why) == (False, "no answer within 0.1 s")
        assert Delivery(ALERT, [silent.url], 0.0).poll() is not None


def test_only_the_sender_imports_the_library() -> None:
    program = (
        "import sys; from boot.alerts import delivery, outbox, watch, memory, final; "
        "from boot.longruns import alerts; sys.exit('apprise' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode == 0


def test_the_operator_may_try_it() -> None:
    environment = {"PYTHONPATH": str(LAYER), "PATH": "/usr/bin:/bin"}
    token = "t0psecretT0ken"
    with Webhook() as hook, Webhook(403) as closed:
        url = hook.url.replace("//", f"//user:{token}@")
        done = edgepaas(environment, "alert", "test", EDGEPAAS_ALERT_URLS=f"{url} {closed.url}")
        assert done.status == 69, done
        first, second = done.out.splitlines()
        assert first.startswith("1  json://user:***@127.0.0.1:")
        assert first.endswith("  sent")
        assert "not sent: " in second
        assert hook.heard("] test")
        assert token not in done.out + done.err


def test_without_urls_the_operator_is_told_what_to_set() -> None:
    done = edgepaas({"PYTHONPATH": str(LAYER)}, "alert", "test")
    assert (done.status, done.out) == (78, "")
    assert "EDGEPAAS_ALERT_URLS" in done.err
