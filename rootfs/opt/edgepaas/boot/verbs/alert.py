"""edgepaas alert test: send a test alert now, and say for each place what became of it."""

from boot.alerts.alert import Alert, Kind
from boot.alerts.delivery import Delivery
from boot.exit_status import ExitStatus
from boot.verbs import arguments, in_effect
from boot.verbs.console import say
from boot.verbs.refused import RefusedError

USAGE = """\
usage: edgepaas alert test

Sends a test alert to every URL of EDGEPAAS_ALERT_URLS, whatever was told lately, and says for each
whether it was taken. Ends with 0 if all were, with 69 if one was not."""
NONE = (
    "EDGEPAAS_ALERT_URLS is not set: set it, or EDGEPAAS_ALERT_URLS_FILE, to one or more "
    "URLs of apprise, such as json://host/path or mailtos://user:password@host; docs/alerts.md"
)


def main(argv: list[str]) -> int:
    """Send the test alert; return the exit status."""
    if argv != ["test"]:
        return arguments.answer("alert", argv, USAGE)
    contract = in_effect.contract()
    values = in_effect.values(contract)
    if not values.get("EDGEPAAS_ALERT_URLS"):
        raise RefusedError(NONE, ExitStatus.CONFIG)
    mask = in_effect.mask(contract)
    urls = values["EDGEPAAS_ALERT_URLS"].split(",")
    text = "Somebody ran `edgepaas alert test`. Nothing is wrong."
    results = Delivery(Alert("test", Kind.INFO, "test", text), urls).wait()
    for number, result in enumerate(results, 1):
        outcome = "sent" if result.sent else f"not sent: {result.why}"
        say(mask(f"{number}  {result.to}  {outcome}"))
    return ExitStatus.OK if all(each.sent for each in results) else ExitStatus.UNREACHABLE
