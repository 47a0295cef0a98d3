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
FRESH_SECONDS = 1.0
OK = 200


class Verdict(NamedTuple):
    """Ready or not; `reason` says why not, `app` what the app answered."""

    ready: bool
    reason: str
    app: Any = None


class Readiness:
    """Asks the app at most once a second, one question at a time, for at most 1.5 s.

    However many probes come, the app is asked no more often and no probe waits much longer.
    """

    def __init__(self, settings: Settings, container: Container) -> None:
        self.settings = settings
        self.container = container
        self._lock = threading.Lock()
        self._answered = float("-inf")
        self._verdict = Verdict(ready=False, reason="")

    def verdict(self) -> Verdict:
        """Return whether the container is ready, now."""
        if reason := self._reason():
            return Verdict(ready=False, reason=reason)
        with self._lock:
            if time.monotonic() - self._answered > FRESH_SECONDS:
                self._verdict = self._ask()
                self._answered = time.monotonic()
            return self._verdict

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
        try:
            reply = probe.get(self.settings.app_address(), HEALTH_PATH, PROBE_SECONDS)
        except probe.NoReplyError as error:
            return Verdict(ready=False, reason=f"the app: {error}")
        app = as_json(reply.body)
        if reply.status == OK:
            return Verdict(ready=True, reason="", app=app)
        return Verdict(ready=False, reason=f"the app answered {reply.status}", app=app)


def as_json(body: bytes) -> Any:
    """Return the value a body holds, None if it is not JSON."""
    try:
        return json.loads(body)
    except ValueError:
        return None
