"""The sequencer: starts each unit the moment what it requires is done, and decides how it ends.

It knows nothing of supervisord: a `Daemon` starts and stops programs and tells what became of them.
"""

import logging
import signal
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from boot.budget import StopBudget
from boot.daemon import Daemon
from boot.ends import End, Outcome, signal_name
from boot.exit_status import ExitStatus, by_signal
from boot.graph import all_dependents_of, dependents_of, order
from boot.report import Phase, Report, State
from boot.rerun import Rerun
from boot.run import Run
from boot.start_queue import StartQueue
from boot.stop import Stop
from boot.timers import Timers
from boot.units import Kind, OnFailure, Ready, Unit, When
from boot.watchdog import Watchdog

log = logging.getLogger(__name__)

MICROSECONDS = 1_000_000
HOOKS_SHARE = 0.5
PASSING = frozenset({ExitStatus.UNREACHABLE, ExitStatus.TEMPORARY})


class Policy(NamedTuple):
    """How failures and the stop are handled."""

    budget: StopBudget
    hold: bool = False


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
        self._dependents = dependents_of(units)
        self._queue = StartQueue(self._start)
        self._watchdog = Watchdog(daemon, report, timers)
        self.runs = {unit.name: Run.of(unit, report.entries[unit.name]) for unit in order(units)}
        self._unsettled = {name for name, run in self.runs.items() if run.unit.when is When.BOOT}
        self._rerun: Rerun | None = None
        self._stop = Stop(daemon, timers, policy.budget, self._of(When.STOP), self._queue.add)

    # What the daemon tells.

    def begin(self) -> None:
        """Start every unit that requires nothing."""
        self._queue.add(run for run in self._of(When.BOOT) if not run.missing)

    def starting(self, name: str) -> None:
        """Note that a program is being started, by us or by an operator."""
        run = self.runs[name]
        run.disarm()
        run.ending = ""
        self.report.begin(name)
        self._queue.began(run)
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
        self._queue.ended(run)
        missing = "can't find" in reason or "not executable" in reason
        status = ExitStatus.CONFIG if missing else ExitStatus.CRASHED
        self._failed(run, status, f"could not be started: {reason}")

    def ended(self, name: str, end: End, *, asked: bool) -> None:
        """Note that a program ended; `asked` if it was told to."""
        run = self.runs[name]
        run.disarm()
        self._queue.ended(run)
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
        if self._rerun:
            self._rerun.stopped(name)
        self._queue.pump()

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
            self._says_it_stops(run)
        if message.get("WATCHDOG") == "1":
            self._watchdog.feed(run)

    def stop_requested(self, number: int = 0) -> None:
        """Begin the orderly stop; asked again, skip what is left of the drain delay."""
        if self.stopping:
            self._stop.hurry()
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

    def seconds_left(self) -> float | None:
        """Return how much of the stop budget is left; None before the stop."""
        return self._stop.left()

    def comes_back(self, name: str) -> bool:
        """Tell whether a unit that ended is, or may be, started again soon."""
        ended_well = {State.STOPPED, State.RESTARTING, State.WAITING}
        return not self.stopping and self.runs[name].entry.state in ended_well

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

    # Running a step again.

    def rerun(self, name: str) -> str:
        """Run a oneshot again and all that stands on it; return "", or why that cannot be now.

        What serves is drained and stopped first; ready is 503 until it serves again. A failure
        counts as in the boot, except that one which may pass begins the rerun once more.
        """
        run = self.runs.get(name)
        if run is None or run.unit.kind is not Kind.ONESHOT or run.unit.when is not When.BOOT:
            return f"{name} is no oneshot of the boot"
        if self.report.phase is not Phase.READY:
            return f"the container is {self.report.phase}"
        names = {name, *all_dependents_of(name, self._dependents)}
        runs = {each: run for each, run in self.runs.items() if each in names}
        rerun = Rerun(runs, self.daemon, self.timers, lambda: self._start_again(run, runs))
        if busy := rerun.busy():
            return f"{busy} is {self.runs[busy].entry.state}"
        self._begin_rerun(name, rerun)
        return ""

    def _begin_rerun(self, name: str, rerun: Rerun) -> None:
        others = ", ".join(each for each in rerun.runs if each != name) or "nothing else"
        log.info("running %s again, then %s", name, others)
        self.report.phase = Phase.RERUNNING
        self.report.event(name, "rerun", f"then {others}")
        self._rerun = rerun
        rerun.begin(self.policy.budget.drain)

    def _start_again(self, first: Run, runs: Mapping[str, Run]) -> None:
        self._unsettled = set(runs)
        self.report.changed = True
        self._queue.add([first])

    # Starting.

    def _of(self, when: When) -> list[Run]:
        return [run for run in self.runs.values() if run.unit.when is when]

    def _start(self, run: Run) -> None:
        """Start a run, if it is not too late for it."""
        late = self.stopping and run.unit.when is When.BOOT
        if late or run.entry.state is State.SKIPPED:
            return
        if run.unit.condition and not self._holds(run):
            self._skip(run)
            return
        pid = self.daemon.start(run.unit.name)
        if pid:
            self.running(run.unit.name, pid)

    def _holds(self, run: Run) -> bool:
        return self.daemon.value(run.unit.name, run.unit.condition) not in {"", "0"}

    def _skip(self, run: Run) -> None:
        """Pass over a unit whose condition does not hold, as if it were done."""
        name, condition = run.unit.name, run.unit.condition
        self.report.settle(name, State.SKIPPED, f"{condition} is not set")
        self._settled(run)

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
        self._watchdog.feed(run)
        self._settled(run)

    def _says_it_stops(self, run: Run) -> None:
        self.report.event(run.unit.name, "stopping", "said so itself")
        if run.entry.state is State.READY:
            run.entry.state = State.STOPPING

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
            self._queue.add(self._freed_by(name))
            self._stop.hook_settled()
            return
        if name not in self._unsettled:
            return
        self._unsettled.discard(name)
        self._queue.add(self._freed_by(name))
        if self._unsettled or self.outcome:
            return
        if self.report.phase is Phase.BOOTING:
            self._booted()
        elif self.report.phase is Phase.RERUNNING:
            self._rerun_over()

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

    def _rerun_over(self) -> None:
        self.report.phase = Phase.READY
        self.report.event(None, "ready", "again")
        log.info("the container is ready again")
        if self._rerun:
            self._rerun.over()
        self._rerun = None

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

    def _longrun_ended(self, run: Run, end: End) -> None:
        """Restart a service within its budget; one that never got ready fails at once."""
        if not run.was_ready:
            status = end.status if end.status in ExitStatus.__members__.values() else 0
            self._failed(run, status or ExitStatus.CRASHED, f"{end} before it was ready")
            return
        self.report.event(run.unit.name, "ended", str(end))
        if run.may_restart(self.timers.clock()):
            self._restart(run, end)
            return
        allowed, seconds = run.unit.restarts
        often = f", after {allowed} restarts within {seconds:g} s" if allowed else ""
        self._failed(run, ExitStatus.CRASHED, f"{end}{often}")

    def _restart(self, run: Run, end: End) -> None:
        delay = run.restart_delay(self.timers.clock())
        self.report.settle(run.unit.name, State.RESTARTING, str(end))
        log.warning("%s %s: restarting it in %.1f s", run.unit.name, end, delay)
        run.deadline = self.timers.after(delay, lambda: self._queue.add([run]))

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
        if self._may_pass(run, status) and self._rerun and self._rerun.again():
            log.warning("%s %s; running it all again", name, cause)
        elif self._is_bearable(run):
            log.warning("%s %s; going on without it", name, cause)
            self._settled(run)
        else:
            self._halt(Outcome(status, cause, name))

    def _may_pass(self, run: Run, status: int) -> bool:
        """Tell whether what failed in a rerun may be over when it begins once more."""
        return run.unit.name in self._unsettled and status in PASSING

    def _is_bearable(self, run: Run) -> bool:
        """Tell whether the container lives on: so it does when an operator ran a step again."""
        unit = run.unit
        again = unit.kind is Kind.ONESHOT and unit.name not in self._unsettled
        return again or unit.on_failure is OnFailure.IGNORE

    def _retry(self, run: Run, cause: str) -> None:
        delay = run.retry_delay()
        self.report.settle(run.unit.name, State.RESTARTING, cause)
        log.warning("%s %s: trying again in %.1f s", run.unit.name, cause, delay)
        run.deadline = self.timers.after(delay, lambda: self._queue.add([run]))

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
        if self._rerun:
            self._rerun.abandon()
            self._rerun = None
        if not serving:
            self._skip_waiting(When.STOP)
        self._stop.begin(serving=serving)

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
