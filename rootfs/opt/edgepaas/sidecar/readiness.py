"""Whether requests should be sent here: what PID 1 says, then what the app says."""

import json
import threading
import time
from typing import Any, NamedTuple

from sidecar import container, probe
from sidecar.container import Container
from sidecar.settings import Settings

HEALTH_PATH = "/health/ready"
PROBE_SECONDS = 1.5
FRESH_SECONDS = 0.2  # the app keeps its answer for a second: red and green come within two
OK = 200


class Verdict(NamedTuple):
    """Ready or not; `reason` says why not, `app` what the app answered."""

    ready: bool
    reason: str
    app: Any = None


class Readiness:
    """Asks the app at most five times a second, one question at a time, for at most 1.5 s.

    However many probes come, the app is asked no more often and no probe waits much longer.
    """

    def __init__(self, settings: Settings, container: Container) -> None:
        self.settings = settings
        self.container = container
        self._lock = threading.Lock()
        self._answered = float("-inf")
        self._verdict = Verdict(ready=False, reason="")
        self.asked_seconds: float | None = None

    def verdict(self) -> Verdict:
        """Return whether the container is ready, now."""
        if reason := self._reason():
            return Verdict(ready=False, reason=reason)
        with self._lock:
            if time.monotonic() - self._answered > FRESH_SECONDS:
                self._verdict = self._ask()
                self._answered = time.monotonic()
            return self._verdict

    def glance(self, seconds: float) -> Verdict:
        """Return the newest verdict there is after so many seconds, even of an app that hangs."""
        asking = threading.Thread(target=self.verdict, daemon=True)
        asking.start()
        asking.join(seconds)
        reason = self._reason()
        return Verdict(ready=False, reason=reason) if reason else self._verdict

    def _reason(self) -> str:
        """Return why PID 1 knows it not to be ready; empty if it does not."""
        report = self.container.report()
        if report["phase"] == "booting":
            under_way = ", ".join(each["unit"] for each in container.units_under_way(report))
            return f"booting: {under_way or 'about to start'}"
        if report["phase"] != "ready":
            return str(report["phase"])
        if self.container.draining():
            return "draining"
        web = container.unit(report, "web")
        return f"web is {web['state']}" if web and web["state"] != "ready" else ""

    def _ask(self) -> Verdict:
        began = time.monotonic()
        try:
            reply = probe.get(self.settings.app_address(), HEALTH_PATH, PROBE_SECONDS)
        except probe.NoReplyError as error:
            return Verdict(ready=False, reason=f"the app: {error}")
        finally:
            self.asked_seconds = time.monotonic() - began
        app = as_json(reply.body)
        if reply.status == OK:
            return Verdict(ready=True, reason="", app=app)
        reason = ": ".join([f"the app answered {reply.status}", *failed_checks(app)])
        return Verdict(ready=False, reason=reason, app=app)


def failed_checks(app: Any) -> list[str]:
    """Return the checks that failed with their details, in one text, if the app tells of any."""
    checks = app.get("checks") if isinstance(app, dict) else None
    if not isinstance(checks, dict):
        return []
    failed = [
        f"{name}: {check.get('detail', 'failed')}"
        for name, check in checks.items()
        if isinstance(check, dict) and check.get("ok") is False
    ]
    return [", ".join(failed)] if failed else []


def as_json(body: bytes) -> Any:
    """Return the value a body holds, None if it is not JSON."""
    try:
        return json.loads(body)
    except ValueError:
        return None
