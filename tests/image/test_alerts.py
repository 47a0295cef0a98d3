"""Alerts leave the image as it is built: trimmed, read-only, without a capability."""

from tests.support.alert_receivers import Mailbox, Webhook
from tests.support.container import ANYTHING
from tests.support.image_fixtures import Run
from tests.support.ports import free_port

SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
PATIENCE = 130.0
# A name for each service that docs/alerts.md promises.
PROMISED = (
    "json form xml mailto slack discord workflows tgram mmost rocket gchat matrix wxteams zulip "
    "signal ntfy gotify pover pagerduty opsgenie splunk betterstack ilert incidentio twilio ses "
    "sns acs apprise"
)
KNOWN = (
    "import sys; from boot.alerts import sender; from apprise.plugins import N_MGR;"
    " sender.register();"
    " sys.exit(' '.join(each for each in sys.argv[1:] if each not in N_MGR) or 0)"
)


def test_a_hook_and_a_mail_server_are_told_and_others_are_known(run: Run, image: str) -> None:
    with Webhook() as hook, Mailbox() as mailbox:
        urls = f"{hook.url},{mailbox.url},nosuch://x"
        env = {"EDGEPAAS_ALERT_URLS": urls}
        container = run(image, "alert", "test", network="host", env=env, expected=ANYTHING)
        assert container.wait_exit(PATIENCE) == 69
        first, second, third = container.logs().splitlines()
        assert first.endswith("  sent")
        assert second.endswith("  sent")
        assert "not sent: no service takes a URL of this form" in third
        assert hook.heard("] test")
        assert len(mailbox.got) == 1


def test_every_service_that_the_page_promises_is_there(run: Run, image: str) -> None:
    container = run(image, "python", "-W", "ignore", "-c", KNOWN, *PROMISED.split())
    assert (container.wait_exit(PATIENCE), container.logs()) == (0, "")


def test_a_container_that_ends_tells_why(run: Run, image: str) -> None:
    with Webhook() as hook:
        env = {
            "EDGEPAAS_ALERT_URLS": hook.url,
            "EDGEPAAS_DB_MODE": "postgres",
            "DATABASE_URL": f"postgresql://u:canary-9f3c@127.0.0.1:{free_port()}/d",
            "EDGEPAAS_DB_WAIT_TIMEOUT": "0.2",
            "EDGEPAAS_STOP_TIMEOUT": "100",
        }
        container = run(image, network="host", env=env, expected=ANYTHING)
        assert container.wait_exit(PATIENCE) == 69
        (got,) = hook.got
        assert "the container ended with status 69" in got["title"]
        assert "db-wait" in got["message"]
        assert "canary-9f3c" not in str(got)
        assert container.log_records()[-2]["message"].startswith("alert sent to json://127.0.0.1")
