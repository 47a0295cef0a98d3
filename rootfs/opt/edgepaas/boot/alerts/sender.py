"""The process that sends: `python -m boot.alerts.sender`, an order on stdin, its outcome on stdout.

The only one that imports the library, for as long as it takes: 0.5 s and 50 MB. An order is
{"urls", "title", "body", "kind"}; the outcome is a list of {"to", "sent", "why"} in their order.
"""

import json
import logging
import pkgutil
import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any

MOST_AT_ONCE = 8
NO_LIBRARY = "this image has no apprise, the library that sends alerts"
NO_SERVICE = (
    "no service takes a URL of this form: apprise does not know it, or the image leaves it out"
)

Outcome = dict[str, Any]


class Words(logging.Handler):
    """Keeps the last complaint of the library in each thread: why something was not sent."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.local = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a complaint."""
        self.local.last = record.getMessage()

    def last(self) -> str:
        """Return the last complaint of this thread, "" where there is none."""
        return str(getattr(self.local, "last", ""))


def send_all(order: dict[str, Any]) -> list[Outcome]:
    """Send to every URL, to all at the same time."""
    urls = order["urls"]
    try:
        import apprise  # noqa: F401, PLC0415  # as late as can be: 250 ms
    except ImportError:
        return [{"to": "", "sent": False, "why": NO_LIBRARY} for _ in urls]
    words = Words()
    logger = logging.getLogger("apprise")
    logger.addHandler(words)
    logger.propagate = False
    register()
    with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
        return list(pool.map(lambda url: send(url, order, words), urls))


def register() -> None:
    """Make every service known that is there.

    The library looks for their sources; an image may hold them as bytecode alone.
    """
    from apprise import plugins  # noqa: PLC0415  # see above
    from apprise.utils import parse  # noqa: PLC0415

    entries: Any = parse.parse_list

    known: Any = plugins.N_MGR
    for each in pkgutil.iter_modules(plugins.__path__):
        module = import_module(f"{plugins.__name__}.{each.name}")
        named = filter(known.module_filter_re.match, dir(module))
        classes: list[Any] = [vars(module)[name] for name in named]
        services = [one for one in classes if hasattr(one, "app_id")]
        for service in services[:1]:  # the library, too, takes a module's first
            schemas = entries(service.secure_protocol, service.protocol)
            if not any(schema in known for schema in schemas):
                known.add(service)


def send(url: str, order: dict[str, Any], words: Words) -> Outcome:
    """Send to one URL; never raises."""
    from apprise import Apprise, AppriseAsset, NotifyFormat, PersistentStoreMode  # noqa: PLC0415  # see above
    from apprise.conversion import convert_between  # noqa: PLC0415

    words.local.last = ""
    to = url.partition("://")[0]
    try:
        asset = AppriseAsset(
            app_id="EdgePaaS",
            app_desc="EdgePaaS",
            app_url="",
            async_mode=False,
            storage_mode=PersistentStoreMode.MEMORY,
        )
        service = Apprise.instantiate(url, asset=asset)
        if service is None:
            return {"to": to, "sent": False, "why": NO_SERVICE}
        to = re.sub(r"(://[^/?]*).*", r"\1", service.url(privacy=True))  # type: ignore[no-untyped-call]
        # Not by way of Apprise.notify(): it would send from a thread whose words are not ours.
        text = convert_between(NotifyFormat.TEXT, service.notify_format, order["body"])  # type: ignore[no-untyped-call]
        sent = service.notify(body=text, title=order["title"], notify_type=order["kind"])
    except Exception as error:  # noqa: BLE001  # whatever a service's code raises
        return {"to": to, "sent": False, "why": f"{type(error).__name__}: {error}"}
    why = "" if sent else words.last() or "it was not taken; apprise does not say why"
    return {"to": to, "sent": bool(sent), "why": why}


def main() -> int:
    """Carry out the order on stdin."""
    outcomes = send_all(json.load(sys.stdin))
    sys.stdout.write(json.dumps(outcomes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
