"""supervisord in this process: its events go to the sequencer, the sequencer's wishes to it.

One of the two files that import supervisor (4.3.0). What is used of it: `main`, the rpcinterface
hook, `events`, the socket map; of a process `spawn`, `stop`, and of
its `config` `startsecs` and `environment`; of the
Supervisor object `process_groups`, `stop_groups`, `options.mood`, `options.waitpid`,
`options.pidhistory` and `options.logger`; and the clock of `supervisor.process`.
"""

import logging
import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import supervisor.process
from supervisor import events, supervisord
from supervisor.states import SupervisorStates
from supervisor.xmlrpc import Faults, RPCError

from boot import at_rest
from boot.ahead import Ahead
from boot.daemon_log import DaemonLog
from boot.dispatcher import Dispatcher
from boot.ends import End, Outcome, signal_name
from boot.exit_status import ExitStatus
from boot.exports import Exports
from boot.gate import LISTENER
from boot.inbox import Inbox
from boot.listeners import Listeners
from boot.notify import NotifySocket
from boot.relay import Relay
from boot.report import Report, render_table
from boot.report_file import ReportFile
from boot.sequencer import Policy, Sequencer
from boot.signals import STOP, Signals, shield_children
from boot.timers import Timers
from boot.units import Unit

log = logging.getLogger(__name__)

SLEEP_MOST = 3600.0

BUG = Outcome(ExitStatus.SOFTWARE, "a bug in PID 1, told above")

_boot: "Boot | None" = None


@dataclass
class Boot:
    """What a boot consists of, made by pid1 and given to supervisord's plugin."""

    units: list[Unit]
    policy: Policy
    report: Report
    relay: Relay
    exports: Exports
    notify: NotifySocket
    run_dir: Path
    sequencer: Sequencer | None = None
    outcome: Outcome | None = None

    def ended(self) -> Outcome:
        """Return why it ended: what was found out last, or first of all a bug."""
        known = self.outcome or (self.sequencer.outcome if self.sequencer else None)
        known = known or Outcome(ExitStatus.SOFTWARE, "supervisord ended without a word")
        return known._replace(left=self.sequencer.seconds_left() if self.sequencer else None)


def run(boot: Boot, config: Path) -> Outcome:
    """Run supervisord with the configuration at `config` until everything is stopped.

    Return why it ended. To be called once in a process, with our signals blocked.
    """
    global _boot  # noqa: PLW0603 - supervisord calls the plugin's factory with nothing of ours
    _boot = boot
    _steady_clock()
    shield_children()
    try:
        supervisord.main(["-c", str(config)])
    except SystemExit as end:
        cause = f"supervisord refused its configuration ({end.code}); its words are above"
        boot.outcome = boot.outcome or Outcome(ExitStatus.CONFIG, cause)
    except Exception:
        log.exception("supervisord ended by a bug")
        boot.outcome = BUG
        if boot.sequencer:
            boot.sequencer.daemon.kill_all()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.set_wakeup_fd(-1)
    return boot.ended()


def make_rpc(daemon: Any, **_: str) -> "RemoteProcedures":
    """Answer supervisord's plugin hook: wire a boot to its events, return our RPC methods."""
    if _boot is None:
        raise RuntimeError("boot.supervision.run() must start supervisord")
    return RemoteProcedures(Supervision(daemon, _boot))


class RemoteProcedures:
    """The methods of the `edgepaas` namespace, as supervisorctl's plugin calls them."""

    def __init__(self, supervision: "Supervision") -> None:
        self._supervision = supervision

    def drain(self) -> bool:
        """Turn readiness to 503 and go on serving.

        @return boolean result always True
        """
        self._supervision.sequencer.drain()
        self._supervision.settle()
        return True

    def undrain(self) -> bool:
        """Take a drain back; a fault when the container is stopping.

        @return boolean result always True
        """
        if not self._supervision.sequencer.undrain():
            raise RPCError(Faults.SHUTDOWN_STATE)
        self._supervision.settle()
        return True

    def rerun(self, name: str) -> bool:
        """Run a oneshot again and all that stands on it; a fault when that cannot be now.

        @param string name the oneshot
        @return boolean result always True
        """
        if why := self._supervision.sequencer.rerun(name):
            refusal = RPCError(Faults.FAILED)
            refusal.text = why
            raise refusal
        self._supervision.settle()
        return True


class Supervision:
    """Sits between supervisord and the sequencer; the sequencer's `Daemon`."""

    def __init__(self, daemon: Any, boot: Boot) -> None:
        self.daemon = daemon
        self.boot = boot
        self.units = {unit.name: unit for unit in boot.units}
        self.timers = Timers(time.monotonic)
        self.listeners = Listeners(self.timers)
        self.sequencer = Sequencer(boot.units, self, boot.report, self.timers, boot.policy)
        boot.sequencer = self.sequencer
        self._ends: dict[int, End] = {}
        self._pids: dict[int, str] = {}
        self._groups: dict[str, Any] = {}
        self._stopping = False
        self._ahead = Ahead(boot.units)
        self._signals = Signals(self._signalled)
        self._report_file = ReportFile(boot.report, boot.run_dir, self.timers)
        notifying = frozenset(unit.name for unit in boot.units if unit.notifies)
        self._inbox = Inbox(boot.notify, notifying, boot.relay.mask)
        self._watch_descriptors()
        self._watch_exits()
        self._subscribe()

    # Into supervisord's loop.

    def _watch_descriptors(self) -> None:
        sockets = self.daemon.options.get_socket_map()
        notify, sink = self.boot.notify, self.boot.relay.sink
        wake = self._signals.fd
        sockets[wake] = Dispatcher(wake, self._guard(self._signals.woken))
        sockets[notify.fileno()] = Dispatcher(notify.fileno(), self._guard(self._notified))
        sockets[sink.fd] = Dispatcher(
            sink.fd, on_write=self.boot.relay.flush, wants_write=lambda: sink.pending
        )

    def _watch_exits(self) -> None:
        """Remember each wait status: supervisord keeps no signal number."""
        waitpid = self.daemon.options.waitpid

        def remember() -> tuple[int, int]:
            pid, status = waitpid()
            if pid in self.daemon.options.pidhistory:
                self._ends[pid] = _end(status)
            return pid, status

        self.daemon.options.waitpid = remember

    def _subscribe(self) -> None:
        for event, handler in (
            (events.SupervisorRunningEvent, self._begin),
            (events.SupervisorStoppingEvent, self._daemon_stopping),
            (events.ProcessStateStartingEvent, self._starting),
            (events.ProcessStateRunningEvent, self._running),
            (events.ProcessStateBackoffEvent, self._not_started),
            (events.ProcessStateExitedEvent, self._ended),
            (events.ProcessStateStoppedEvent, self._ended),
            (events.ProcessGroupRemovedEvent, self._removed),
        ):
            events.subscribe(event, self._guard(handler))
        events.subscribe(events.ProcessLogEvent, self._guard(self._output, settles=False))

    def _guard(self, handler: Callable[..., None], *, settles: bool = True) -> Callable[..., None]:
        """Keep a bug of ours from killing PID 1: say it, and stop in order with status 70."""

        def guarded(*arguments: Any) -> None:
            try:
                handler(*arguments)
                if settles:
                    self.settle()
            except Exception:
                log.exception("a bug in PID 1")
                self.boot.outcome = BUG
                self.sequencer.stopping = True
                self.stop_all()

        return guarded

    def settle(self) -> None:
        """Do what is due, write the report if it changed, and be woken for the next."""
        self.timers.run()
        self._report_file.keep_up()
        wait = self.timers.wait()
        seconds = 0.0 if wait is None else min(max(wait, 0.0001), SLEEP_MOST)
        signal.setitimer(signal.ITIMER_REAL, seconds)

    # What supervisord tells.

    def _begin(self, _: object) -> None:
        """Take the signals over, let those pending in, and start."""
        self._groups = dict(self.daemon.process_groups)
        for group in self._groups.values():
            at_rest.put(group)
        self._signals.take_over()
        self.daemon.options.logger.handlers.append(DaemonLog())
        for name in self._ahead.names:
            self._ahead.begin(name, self._process(name))
        self.sequencer.begin()

    def _removed(self, event: Any) -> None:
        """Put a unit back that `supervisorctl remove` took out."""
        log.warning("remove refused: %s stays as long as the container", event.group)
        self.daemon.process_groups[event.group] = self._groups[event.group]

    def _daemon_stopping(self, _: object) -> None:
        """Refuse a reload; let a shutdown asked for over RPC take the sequencer's way."""
        if self.daemon.options.mood == SupervisorStates.RESTARTING:
            log.warning("reload refused: it would stop everything; send SIGHUP to reload the app")
            self._resume()
        elif not self._stopping:
            self._resume()
            self.sequencer.stop_requested()
        else:
            self._forget_stopped_groups()

    def _forget_stopped_groups(self) -> None:
        """Take out of the stop order those that stand already: each would cost a second."""
        self.daemon.stop_groups = [
            group for group in self.daemon.stop_groups or () if group.get_unstopped_processes()
        ]

    def _resume(self) -> None:
        self.daemon.options.mood = SupervisorStates.RUNNING
        self.daemon.stopping = False
        self.daemon.stop_groups = []

    def _starting(self, event: Any) -> None:
        name = event.process.config.name
        at_rest.wake(self._groups[name])
        self.boot.relay.begin(name)
        if self._ahead.waits(name):
            self.boot.exports.apply(name, self._ahead.environment())
            return
        self.boot.exports.apply(name, self._extra(name))
        self.sequencer.starting(name)

    def _extra(self, name: str) -> dict[str, str]:
        unit, extra = self.units[name], {}
        if unit.notifies:
            extra["NOTIFY_SOCKET"] = str(self.boot.notify.path)
        if unit.watchdog:
            extra["WATCHDOG_USEC"] = str(int(unit.watchdog * 1_000_000))
        if held := self.listeners.offer(unit, self.boot.exports.environment_of(name)):
            extra[LISTENER] = str(held)
        return extra

    def _running(self, event: Any) -> None:
        self._pids[event.process.pid] = event.process.config.name
        self.sequencer.running(event.process.config.name, event.process.pid)

    def _not_started(self, event: Any) -> None:
        name = event.process.config.name
        if self._ahead.forget(name, event.process):
            self._clear_away(event.process.pid, name)
        else:
            self.sequencer.not_started(name, event.process.spawnerr or "")

    def _ended(self, event: Any) -> None:
        pid, name = event.process.pid, event.process.config.name
        if not pid:
            return
        at_rest.put(self._groups[name])
        end = self._clear_away(pid, name) or End(event.process.exitstatus or 0)
        if not self._ahead.forget(name, event.process):
            asked = isinstance(event, events.ProcessStateStoppedEvent)
            self.sequencer.ended(name, end, asked=asked)
            self.listeners.ended(self.units[name], comes_back=self.sequencer.comes_back(name))
        if self._stopping:
            self._forget_stopped_groups()

    def _clear_away(self, pid: int, name: str) -> End | None:
        """Clear away what an ended program left; return how it ended, if that was seen."""
        # What it left in its process group would hold ports and locks of the next start.
        self._signal_group(pid, signal.SIGKILL)
        self._pids.pop(pid, None)
        self.boot.relay.end(name)
        return self._ends.pop(pid, None)

    def _output(self, event: Any) -> None:
        self.boot.relay.sink.make_room()
        data = event.data if isinstance(event.data, bytes) else event.data.encode()
        self.boot.relay.feed(event.process.config.name, event.channel, data)

    def _signalled(self, number: int) -> None:
        if number in STOP:
            log.info("received %s", signal_name(number))
            self.sequencer.stop_requested(number)
        elif number == signal.SIGHUP:
            self._reload()
        elif number == signal.SIGUSR1:
            for line in filter(None, render_table(self.boot.report.as_dict()).splitlines()):
                log.info("%s", line)
        elif number == signal.SIGUSR2:
            log.warning("SIGUSR2 does nothing here: a new version is a new container")

    def _reload(self) -> None:
        """Pass HUP on to the units that declared `reload`, once they are ready."""
        if self.sequencer.stopping:
            log.warning("SIGHUP does nothing any more: the container stops")
            return
        names = [n for n, u in self.units.items() if u.reload and self.sequencer.is_ready(n)]
        log.info("received SIGHUP: reloading %s", ", ".join(names) or "nothing")
        for name in names:
            self.boot.report.event(name, "reload", "SIGHUP")
            os.kill(self._process(name).pid, signal.Signals[f"SIG{self.units[name].reload}"])

    def _notified(self) -> None:
        for name, message in self._inbox.messages(self._pids):
            self.sequencer.notified(name, message)

    # What the sequencer wishes (Daemon).

    def start(self, name: str) -> int | None:
        """Start a program; return its pid, or None if it runs already or could not be started."""
        process = self._process(name)
        if self._ahead.waits(name):
            return self._let_go(name, process)
        pid: int | None = None if process.pid else process.spawn()
        if pid:
            self._pids[pid] = name
        return pid

    def _let_go(self, name: str, process: Any) -> int:
        """Open the gate of a program that was started ahead; return its pid."""
        self.sequencer.starting(name)
        environment = {**self.boot.exports.environment_of(name), **self._extra(name)}
        listener = environment.get(LISTENER)
        self._ahead.let_go(name, process, environment, int(listener) if listener else None)
        pid: int = process.pid
        self._pids[pid] = name
        return pid

    def stop(self, name: str) -> None:
        """Ask a program to end with TERM, and KILL it if it does not."""
        process = self._process(name)
        if process.pid and not process.killing:
            process.stop()

    def signal(self, name: str, number: int) -> None:
        """Send a signal to a program and all it started."""
        self._signal_group(self._process(name).pid, number)

    def stop_all(self) -> None:
        """Stop what runs, dependents first, and end the daemon."""
        self._stopping = True
        self.listeners.refuse()
        self.daemon.options.mood = SupervisorStates.SHUTDOWN

    def kill_all(self) -> None:
        """KILL what still runs."""
        for process in self._processes():
            self._signal_group(process.pid, signal.SIGKILL)

    def draining(self, *, on: bool) -> None:
        """Say so in the file that readiness looks for."""
        path = self.boot.run_dir / "draining"
        with suppress(OSError):
            path.touch() if on else path.unlink(missing_ok=True)

    def is_draining(self) -> bool:
        """Tell whether traffic goes elsewhere now."""
        return (self.boot.run_dir / "draining").exists()

    def exports(self, name: str) -> list[str]:
        """Return the names a unit wrote into the container environment."""
        return self.boot.exports.collect(name)

    def value(self, name: str, variable: str) -> str:
        """Return a variable as a unit would be given it, "" where it is not set."""
        return self.boot.exports.environment_of(name).get(variable, "")

    def last_words(self, name: str) -> str:
        """Return the last error a unit logged, or its last line."""
        return self.boot.relay.last_words(name)

    def _signal_group(self, pid: int, number: int) -> None:
        if pid:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, number)

    def _process(self, name: str) -> Any:
        return self.daemon.process_groups[name].processes[name]

    def _processes(self) -> Iterable[Any]:
        return [self._process(name) for name in self.units]


def _end(status: int) -> End:
    code = os.waitstatus_to_exitcode(status)
    return End(0, -code) if code < 0 else End(code)


def _steady_clock() -> None:
    """Give supervisord's processes a clock that no change of the wall clock moves.

    It kills after `stopwaitsecs` of time.time(): a clock set forward would cut a stop short.
    """
    offset = time.time() - time.monotonic()
    supervisor.process.time = SimpleNamespace(time=lambda: offset + time.monotonic())
