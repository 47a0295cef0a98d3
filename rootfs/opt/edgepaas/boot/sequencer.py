"""The sequencer: starts each unit the moment what it requires is done, and decides how it ends.

It knows nothing of supervisord: a `Daemon` starts and stops programs and tells what became of them.
"""

import logging
import signal
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from boot.budget import StopBudget
from boot.exit_status import ExitStatus, by_signal
from boot.graph import dependents_of, order
from boot.report import Entry, Phase, Report, State
from boot.timers import Timer, Timers
from boot.units import Kind, OnFailure, Ready, Unit, When

log = logging.getLogger(__name__)

MICROSECONDS = 1_000_000
RESTART_DELAY_FIRST = 0.1
RESTART_DELAY_MOST = 10.0
RETRY_DELAY_MOST = 300.0
DOUBLINGS_MOST = 32
ONESHOTS_AT_ONCE = 64
HOOKS_SHARE = 0.5
WATCHDOG_GRACE = 2.0
HARD_STOP_MARGIN = 0.3


class Daemon(Protocol):
    """What the sequencer asks of whoever runs the programs."""

    def start(self, name: str) -> int | None:
        """Start a program; return its pid, or None if it could not be started."""

    def stop(self, name: str) -> None:
        """Ask a program to end with TERM, and KILL it if it does not."""

    def signal(self, name: str, number: int) -> None:
        """Send a signal to a program and all it started."""

    def stop_all(self) -> None:
        """Stop what runs, dependents first, and end the daemon."""

    def kill_all(self) -> None:
        """KILL what still runs."""

    def draining(self, *, on: bool) -> None:
        """Tell everybody that traffic should go elsewhere, or may come back."""

    def exports(self, name: str) -> list[str]:
        """Return the names a unit wrote into the container environment."""

    def last_words(self, name: str) -> str:
        """Return the last error a unit logged, or its last line."""


class End(NamedTuple):
    """How a process ended: its exit status, or the number of the signal it died by."""

    status: int
    by_signal: int = 0

    def __str__(self) -> str:
        if self.by_signal:
            return f"died by {signal_name(self.by_signal)}"
        return f"exited with {self.status}"


class Outcome(NamedTuple):
    """Why the container ends. `unit` is None where nobody is to blame."""

    status: int
    cause: str
    unit: str | None = None


class Policy(NamedTuple):
    """How failures and the stop are handled."""

    budget: StopBudget
    hold: bool = False


@dataclass
class Run:
    """A unit and where it stands."""

    unit: Unit
    entry: Entry
    missing: int
    attempts_left: int
    was_ready: bool = False
    ending: str = ""
    deadline: Timer | None = None
    watchdog: Timer | None = None
    restarts: deque[float] = field(default_factory=deque)

    def disarm(self) -> None:
        """Forget what was to happen to this run later."""
        for timer in (self.deadline, self.watchdog):
            if timer:
                timer.cancel()
        self.deadline = self.watchdog = None


class Sequencer:
    """The state of the boot, driven by what happens to the programs."""

    def __init__(
        self, units: Sequence[Unit], daemon: Daemon, report: Report, timers: Timers, policy: Policy
    ) -> None:
        self.daemon = daemon
        self.report = report
        self.timers = timers
        self.policy = policy
        self.outcome: Outcome | None = None
        self.stopping = False
        self._released = False
        self._drained = False
        self._dependents = dependents_of(units)
        self._queue: deque[Run] = deque()
        self._pumping = False
        self._under_way: set[str] = set()
        self.runs = {
            unit.name: Run(unit, report.entries[unit.name], len(unit.requires), unit.retries)
            for unit in order(units)
        }
        self._unsettled = {name for name, run in self.runs.items() if run.unit.when is When.BOOT}

    # What the daemon tells.

    def begin(self) -> None:
        """Start every unit that requires nothing."""
        self._enqueue(run for run in self._of(When.BOOT) if not run.missing)

    def starting(self, name: str) -> None:
        """Note that a program is being started, by us or by an operator."""
        run = self.runs[name]
        run.disarm()
        run.ending = ""
        self.report.begin(name)
        if run.unit.kind is Kind.ONESHOT:
            self._under_way.add(name)
        seconds = self._timeout(run.unit)
        run.deadline = self.timers.after(seconds, lambda: self._overdue(run, seconds))

    def running(self, name: str, pid: int) -> None:
        """Note that a program runs."""
        run = self.runs[name]
        run.entry.pid = pid
        self.report.changed = True
        if run.unit.ready is Ready.STARTED and run.entry.state is State.STARTING:
            self._ready(run)

    def not_started(self, name: str, reason: str) -> None:
        """Note that a program could not be started at all."""
        run = self.runs[name]
        run.disarm()
        self._under_way.discard(name)
        missing = "can't find" in reason or "not executable" in reason
        status = ExitStatus.CONFIG if missing else ExitStatus.CRASHED
        self._failed(run, status, f"could not be started: {reason}")

    def ended(self, name: str, end: End, *, asked: bool) -> None:
        """Note that a program ended; `asked` if it was told to."""
        run = self.runs[name]
        run.disarm()
        self._under_way.discard(name)
        run.entry.pid = None
        run.entry.status = by_signal(end.by_signal) if end.by_signal else end.status
        run.entry.exported = self.daemon.exports(name)
        if run.ending:
            self._failed(run, self._overdue_status(run), run.ending)
        elif asked or (self.stopping and run.unit.kind is Kind.LONGRUN):
            self._stopped(run, end)
        elif run.unit.kind is Kind.ONESHOT:
            self._oneshot_ended(run, end)
        else:
            self._longrun_ended(run, end)
        self._pump()

    def notified(self, name: str, message: Mapping[str, str]) -> None:
        """Take an sd_notify message of a unit (https://man7.org/linux/man-pages/man3/sd_notify.3.html)."""
        run = self.runs[name]
        if "STATUS" in message:
            run.entry.status_text = message["STATUS"]
            self.report.changed = True
        if "EXTEND_TIMEOUT_USEC" in message and run.deadline:
            self._extend(run, message["EXTEND_TIMEOUT_USEC"])
        if message.get("READY") == "1" and run.entry.state is State.STARTING:
            self._ready(run)
        if message.get("STOPPING") == "1":
            self.report.event(name, "stopping", "said so itself")
        if message.get("WATCHDOG") == "1":
            self._feed(run)

    def stop_requested(self, number: int = 0) -> None:
        """Begin the orderly stop; asked again, skip what is left of the drain delay."""
        if self.stopping:
            self._drained = True
            self._release()
            return
        if self.outcome is None:
            booting = self.report.phase is Phase.BOOTING
            how = signal_name(number) if number else "supervisorctl"
            if booting and number:
                self.outcome = Outcome(by_signal(number), f"{how} before the boot was complete")
            else:
                self.outcome = Outcome(ExitStatus.OK, f"asked to by {how}")
        self._begin_stop(self.outcome.cause)

    def is_ready(self, name: str) -> bool:
        """Tell whether a longrun is ready."""
        return self.runs[name].entry.state is State.READY

    # Drain without stopping.

    def drain(self) -> None:
        """Turn ready to 503 and go on serving."""
        self.daemon.draining(on=True)
        self.report.event(None, "drain", "asked to")
        log.info("draining: ready is 503, requests are still served")

    def undrain(self) -> bool:
        """Take a drain back; False when it is too late because the container stops."""
        if self.stopping:
            return False
        self.daemon.draining(on=False)
        self.report.event(None, "undrain", "asked to")
        log.info("no longer draining")
        return True

    # Starting.

    def _of(self, when: When) -> list[Run]:
        return [run for run in self.runs.values() if run.unit.when is when]

    def _enqueue(self, runs: Iterable[Run]) -> None:
        self._queue.extend(runs)
        self._pump()

    def _pump(self) -> None:
        """Start what is queued, without recursion however long a chain is.

        Only so many oneshots at once: each takes three descriptors, a process and its memory.
        """
        if self._pumping:
            return
        self._pumping = True
        try:
            while self._queue and len(self._under_way) < ONESHOTS_AT_ONCE:
                self._start(self._queue.popleft())
        finally:
            self._pumping = False

    def _start(self, run: Run) -> None:
        """Start a run, if it is not too late for it."""
        late = self.stopping and run.unit.when is When.BOOT
        if late or run.entry.state is State.SKIPPED:
            return
        pid = self.daemon.start(run.unit.name)
        if pid:
            self.running(run.unit.name, pid)

    def _extend(self, run: Run, microseconds: str) -> None:
        if run.deadline and microseconds.isdecimal():
            run.deadline.cancel()
            seconds = int(microseconds) / MICROSECONDS
            run.deadline = self.timers.after(seconds, lambda: self._overdue(run, seconds))

    # Coming to be ready or done.

    def _ready(self, run: Run) -> None:
        run.disarm()
        run.was_ready = True
        self.report.settle(run.unit.name, State.READY)
        log.info("%s is ready after %.3f s", run.unit.name, run.entry.duration or 0)
        self._feed(run)
        self._settled(run)

    def _oneshot_ended(self, run: Run, end: End) -> None:
        if end == End(0):
            run.attempts_left = run.unit.retries
            self.report.settle(run.unit.name, State.DONE)
            log.info("%s is done after %.3f s", run.unit.name, run.entry.duration or 0)
            self._settled(run)
        else:
            status = ExitStatus.CRASHED if end.by_signal else end.status
            self._failed(run, status, str(end))

    def _settled(self, run: Run) -> None:
        """Let those go that waited for this unit."""
        name = run.unit.name
        if run.unit.when is When.STOP:
            self._hook_settled(run)
            return
        if name not in self._unsettled:
            return
        self._unsettled.discard(name)
        self._enqueue(self._freed_by(name))
        if not self._unsettled and self.report.phase is Phase.BOOTING and not self.outcome:
            self._booted()

    def _freed_by(self, name: str) -> list[Run]:
        freed = []
        for dependent in self._dependents.get(name, ()):
            run = self.runs[dependent]
            run.missing -= 1
            if not run.missing:
                freed.append(run)
        return freed

    def _booted(self) -> None:
        self.report.phase = Phase.READY
        self.report.ready_seconds = self.report.elapsed()
        self.report.event(None, "ready", f"after {self.report.ready_seconds:.3f} s")
        log.info("the container is ready after %.3f s", self.report.ready_seconds)

    # Going wrong.

    def _timeout(self, unit: Unit) -> float:
        """Return how long a unit has. A stop hook must leave the others their time to stop."""
        if unit.when is When.STOP:
            return min(unit.timeout, self.policy.budget.total * HOOKS_SHARE)
        return unit.timeout

    def _overdue(self, run: Run, seconds: float) -> None:
        goal = "done" if run.unit.kind is Kind.ONESHOT else "ready"
        run.ending = f"was not {goal} within {seconds:g} s"
        log.error("%s %s: stopping it", run.unit.name, run.ending)
        self.daemon.stop(run.unit.name)

    def _overdue_status(self, run: Run) -> int:
        return ExitStatus.TEMPORARY if run.unit.kind is Kind.ONESHOT else ExitStatus.CRASHED

    def _feed(self, run: Run) -> None:
        """Give the watchdog of a ready unit another period."""
        if run.watchdog:
            run.watchdog.cancel()
        if run.unit.watchdog and run.was_ready:
            run.watchdog = self.timers.after(run.unit.watchdog, lambda: self._hung(run))

    def _hung(self, run: Run) -> None:
        name = run.unit.name
        what = f"sent no watchdog message for {run.unit.watchdog:g} s"
        log.error("%s %s: aborting it", name, what)
        self.report.event(name, "hung", what)
        self.daemon.signal(name, signal.SIGABRT)
        run.watchdog = self.timers.after(
            WATCHDOG_GRACE, lambda: self.daemon.signal(name, signal.SIGKILL)
        )

    def _longrun_ended(self, run: Run, end: End) -> None:
        """Restart a service within its budget; one that never got ready fails at once."""
        if not run.was_ready:
            status = end.status if end.status in ExitStatus.__members__.values() else 0
            self._failed(run, status or ExitStatus.CRASHED, f"{end} before it was ready")
            return
        self.report.event(run.unit.name, "ended", str(end))
        allowed, seconds = run.unit.restarts
        now = self.timers.clock()
        while run.restarts and now - run.restarts[0] > seconds:
            run.restarts.popleft()
        if len(run.restarts) >= allowed:
            often = f", after {allowed} restarts within {seconds:g} s" if allowed else ""
            self._failed(run, ExitStatus.CRASHED, f"{end}{often}")
            return
        self._restart(run, end)

    def _restart(self, run: Run, end: End) -> None:
        delay = doubled(RESTART_DELAY_FIRST, len(run.restarts), RESTART_DELAY_MOST)
        run.restarts.append(self.timers.clock())
        run.entry.restarts += 1
        self.report.settle(run.unit.name, State.RESTARTING, str(end))
        log.warning("%s %s: restarting it in %.1f s", run.unit.name, end, delay)
        run.deadline = self.timers.after(delay, lambda: self._enqueue([run]))

    def _failed(self, run: Run, status: int, cause: str) -> None:
        name = run.unit.name
        if run.attempts_left and not self.stopping:
            self._retry(run, cause)
            return
        run.entry.status = status
        words = self.daemon.last_words(name)
        cause = f"{cause}: {words}" if words else cause
        self.report.settle(name, State.FAILED, cause)
        self.report.event(name, "failed", cause)
        if self._is_bearable(run):
            log.warning("%s %s; going on without it", name, cause)
            self._settled(run)
        else:
            self._halt(Outcome(status, cause, name))

    def _is_bearable(self, run: Run) -> bool:
        """Tell whether the container lives on: so it does when an operator ran a step again."""
        unit = run.unit
        again = unit.kind is Kind.ONESHOT and unit.name not in self._unsettled
        return again or unit.on_failure is OnFailure.IGNORE

    def _retry(self, run: Run, cause: str) -> None:
        tried = run.unit.retries - run.attempts_left
        delay = doubled(run.unit.backoff, tried, RETRY_DELAY_MOST)
        run.attempts_left -= 1
        self.report.settle(run.unit.name, State.RESTARTING, cause)
        log.warning("%s %s: trying again in %.1f s", run.unit.name, cause, delay)
        run.deadline = self.timers.after(delay, lambda: self._enqueue([run]))

    def _halt(self, outcome: Outcome) -> None:
        if self.outcome is None:
            self.outcome = outcome
        self._skip_waiting()
        if self.policy.hold and not self.stopping:
            self.report.phase = Phase.HELD
            self.report.event(outcome.unit, "held", outcome.cause)
            log.error(
                "%s %s; held for inspection because EDGEPAAS_ON_FAILURE=hold",
                outcome.unit,
                outcome.cause,
            )
        elif not self.stopping:
            self._begin_stop(f"{outcome.unit} {outcome.cause}")

    def _skip_waiting(self, when: When = When.BOOT) -> None:
        for run in self._of(when):
            if run.entry.state is State.WAITING:
                self.report.settle(run.unit.name, State.SKIPPED)

    # Stopping.

    def _begin_stop(self, cause: str) -> None:
        self.stopping = True
        serving = self.report.ready_seconds is not None
        self.report.phase = Phase.STOPPING
        self.report.event(None, "stopping", cause)
        log.info("stopping: %s", cause)
        self._skip_waiting()
        for run in self._of(When.BOOT):
            if run.entry.state is State.RESTARTING:
                run.disarm()
                self.report.settle(run.unit.name, State.STOPPED, run.entry.result)
        self.daemon.draining(on=True)
        budget = self.policy.budget
        self.timers.after(max(0.0, budget.total - HARD_STOP_MARGIN), self._out_of_time)
        self.timers.after(budget.drain if serving else 0.0, self._drain_over)
        if serving:
            self._enqueue(run for run in self._of(When.STOP) if not run.missing)
        else:
            self._skip_waiting(When.STOP)

    def _drain_over(self) -> None:
        self._drained = True
        self._release_when_hooks_ended()

    def _hook_settled(self, run: Run) -> None:
        self._enqueue(self._freed_by(run.unit.name))
        self._release_when_hooks_ended()

    def _release_when_hooks_ended(self) -> None:
        under_way = {State.RUNNING, State.RESTARTING}
        if self._drained and not any(h.entry.state in under_way for h in self._of(When.STOP)):
            self._release()

    def _release(self) -> None:
        if not self._released:
            self._released = True
            self.daemon.stop_all()

    def _out_of_time(self) -> None:
        log.error("the stop budget of %g s is used up: killing", self.policy.budget.total)
        self._released = True
        self.daemon.kill_all()
        self.daemon.stop_all()

    def _stopped(self, run: Run, end: End) -> None:
        name = run.unit.name
        self.report.settle(name, State.STOPPED, str(end))
        self.report.event(name, "stopped", str(end))
        killed = end.by_signal == signal.SIGKILL
        log.log(logging.WARNING if killed else logging.INFO, "%s stopped: %s", name, end)
        cut = killed or end == End(ExitStatus.CUT)
        if cut and self.stopping and self.outcome and self.outcome.status == ExitStatus.OK:
            why = "had to be killed" if killed else "cut requests that were in flight"
            self.outcome = Outcome(ExitStatus.CUT, why, name)


def doubled(first: float, times: int, most: float) -> float:
    """Return `first` doubled so many times, at most `most`."""
    return min(first * 2.0 ** min(times, DOUBLINGS_MOST), most)


def signal_name(number: int) -> str:
    """Return the name of a signal, such as SIGTERM."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
