"""supervisord in this process: its events go to the sequencer, the sequencer's wishes to it.

One of the two files that import supervisor (4.3.0). What is used of it: `main`, the rpcinterface
hook, `events`, the socket map; of the Supervisor object `process_groups`, `stop_groups`,
`options.mood`, `options.waitpid`, `options.pidhistory` and `options.logger`; and the clock of
`supervisor.process`.
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

from boot.exit_status import ExitStatus
from boot.exports import Exports
from boot.notify import NotifySocket, unit_of
from boot.relay import Relay
from boot.report import Report, render_table
from boot.sequencer import End, Outcome, Policy, Sequencer, signal_name
from boot.timers import Timers
from boot.units import Unit

log = logging.getLogger(__name__)

STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT})
OURS = STOP_SIGNALS | {signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2}
IGNORED_IN_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
REPORT_EVERY_SECONDS = 0.02
REPORT_SHARE = 0.05
SLEEP_MOST = 3600.0
MESSAGES_AT_ONCE = 200
WAKE_BYTES = 4096
ERROR_LEVEL = 40

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
        return known or Outcome(ExitStatus.SOFTWARE, "supervisord ended without a word")


def run(boot: Boot, config: Path) -> Outcome:
    """Run supervisord with the configuration at `config` until everything is stopped.

    Return why it ended. To be called once in a process, with our signals blocked.
    """
    global _boot  # noqa: PLW0603 - supervisord calls the plugin's factory with nothing of ours
    _boot = boot
    _steady_clock()
    os.register_at_fork(
        before=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, OURS),
        after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, OURS),
        after_in_child=_become_ordinary,
    )
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


class Dispatcher:
    """One descriptor in supervisord's poll loop."""

    def __init__(
        self,
        fd: int,
        on_read: Callable[[], None] | None = None,
        on_write: Callable[[], None] | None = None,
        wants_write: Callable[[], bool] = lambda: False,
    ) -> None:
        self.fd = fd
        self.on_read = on_read
        self.handle_write_event = on_write or (lambda: None)
        self.writable = wants_write

    def readable(self) -> bool:
        """Tell whether to poll for input."""
        return self.on_read is not None

    def handle_read_event(self) -> None:
        """Take what can be read."""
        if self.on_read:
            self.on_read()

    def handle_error(self) -> None:
        """Log the exception that supervisord's loop caught."""
        log.error("a bug in a handler of descriptor %d", self.fd, exc_info=True)  # noqa: LOG014 - the loop calls this in its except clause


class DaemonLog:
    """A handler in supervisord's own logger: errors come out as lines of ours."""

    level = ERROR_LEVEL

    def emit(self, record: Any) -> None:
        """Pass one record on."""
        log.error("supervisord: %s", record.asdict()["message"].strip())

    def flush(self) -> None:
        """Do nothing."""

    close = reopen = remove = flush


class Supervision:
    """Sits between supervisord and the sequencer; the sequencer's `Daemon`."""

    def __init__(self, daemon: Any, boot: Boot) -> None:
        self.daemon = daemon
        self.boot = boot
        self.units = {unit.name: unit for unit in boot.units}
        self.timers = Timers(time.monotonic)
        self.sequencer = Sequencer(boot.units, self, boot.report, self.timers, boot.policy)
        boot.sequencer = self.sequencer
        self._ends: dict[int, End] = {}
        self._pids: dict[int, str] = {}
        self._groups: dict[str, Any] = {}
        self._signals: set[int] = set()
        self._stranger = 0
        self._stopping = False
        self._report_due = False
        self._wake_fd = self._watch_signals()
        self._watch_descriptors()
        self._watch_exits()
        self._subscribe()

    # Into supervisord's loop.

    def _watch_signals(self) -> int:
        """Make signals end the loop's poll at once (PEP 475 lets it sleep on otherwise)."""
        read, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        return read

    def _watch_descriptors(self) -> None:
        sockets = self.daemon.options.get_socket_map()
        notify, sink = self.boot.notify, self.boot.relay.sink
        sockets[self._wake_fd] = Dispatcher(self._wake_fd, self._guard(self._woken))
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
        self._write_report()
        wait = self.timers.wait()
        seconds = 0.0 if wait is None else min(max(wait, 0.0001), SLEEP_MOST)
        signal.setitimer(signal.ITIMER_REAL, seconds)

    def _write_report(self) -> None:
        """Write boot.json if it changed, at most 50 times a second and for a part of the time."""
        if not self.boot.report.changed or self._report_due:
            return
        began = time.monotonic()
        write_report(self.boot.report, self.boot.run_dir)
        pause = max(REPORT_EVERY_SECONDS, (time.monotonic() - began) / REPORT_SHARE)
        self._report_due = True
        self.timers.after(pause, self._report_is_due)

    def _report_is_due(self) -> None:
        self._report_due = False

    # What supervisord tells.

    def _begin(self, _: object) -> None:
        """Take the signals over, let those pending in, and start."""
        self._groups = dict(self.daemon.process_groups)
        for number in (*OURS, *IGNORED_IN_PYTHON, signal.SIGALRM):
            signal.signal(number, self._note)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, OURS)
        self.daemon.options.logger.handlers.append(DaemonLog())
        self.sequencer.begin()

    def _note(self, number: int, _: object) -> None:
        """Keep a signal for the loop, which its byte in the pipe wakes.

        A set, because a flood of signals may fill the pipe; and a handler, not SIG_IGN, because
        programs we start would inherit that.
        """
        self._signals.add(number)

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
        self.boot.relay.begin(name)
        self.boot.exports.apply(name, self._extra(name))
        self.sequencer.starting(name)

    def _extra(self, name: str) -> dict[str, str]:
        unit, extra = self.units[name], {}
        if unit.notifies:
            extra["NOTIFY_SOCKET"] = str(self.boot.notify.path)
        if unit.watchdog:
            extra["WATCHDOG_USEC"] = str(int(unit.watchdog * 1_000_000))
        return extra

    def _running(self, event: Any) -> None:
        self._pids[event.process.pid] = event.process.config.name
        self.sequencer.running(event.process.config.name, event.process.pid)

    def _not_started(self, event: Any) -> None:
        self.sequencer.not_started(event.process.config.name, event.process.spawnerr or "")

    def _ended(self, event: Any) -> None:
        pid, name = event.process.pid, event.process.config.name
        if not pid:
            return
        # What it left in its process group would hold ports and locks of the next start.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        self._pids.pop(pid, None)
        self.boot.relay.end(name)
        end = self._ends.pop(pid, End(event.process.exitstatus or 0))
        self.sequencer.ended(name, end, asked=isinstance(event, events.ProcessStateStoppedEvent))
        if self._stopping:
            self._forget_stopped_groups()

    def _output(self, event: Any) -> None:
        self.boot.relay.sink.make_room()
        data = event.data if isinstance(event.data, bytes) else event.data.encode()
        self.boot.relay.feed(event.process.config.name, event.channel, data)

    def _woken(self) -> None:
        with suppress(BlockingIOError):
            while len(os.read(self._wake_fd, WAKE_BYTES)) == WAKE_BYTES:
                pass
        while self._signals:
            self._signalled(self._signals.pop())

    def _signalled(self, number: int) -> None:
        if number in STOP_SIGNALS:
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
        for _ in range(MESSAGES_AT_ONCE):
            message = self.boot.notify.receive()
            if message is None:
                return
            name = unit_of(message.pid, self._pids)
            if name is None or not self.units[name].notifies:
                self._ignore(message.pid)
            else:
                words = {key: self.boot.relay.mask(value) for key, value in message.fields.items()}
                self.sequencer.notified(name, words)

    def _ignore(self, pid: int) -> None:
        """Say once that a stranger's messages do not count, however many it sends."""
        if pid != self._stranger:
            # One that is gone may have been a worker of a unit that just ended: nothing to mend.
            alive = os.access(f"/proc/{pid}/exe", os.F_OK)
            level = logging.WARNING if alive else logging.INFO
            log.log(
                level, "notify messages from pid %d are ignored: it is no notifying unit's", pid
            )
        self._stranger = pid

    # What the sequencer wishes (Daemon).

    def start(self, name: str) -> int | None:
        """Start a program; return its pid, or None if it runs already or could not be started."""
        process = self._process(name)
        pid: int | None = None if process.pid else process.spawn()
        if pid:
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

    def exports(self, name: str) -> list[str]:
        """Return the names a unit wrote into the container environment."""
        return self.boot.exports.collect(name)

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


def write_report(report: Report, run_dir: Path) -> None:
    """Write boot.json; where that fails the container goes on, and says so once."""
    try:
        report.write(run_dir / "boot.json")
    except OSError as error:
        report.changed = False
        if not report.unwritable:
            report.unwritable = True
            log.error("boot.json cannot be written: %s", error.strerror)  # noqa: TRY400


def _end(status: int) -> End:
    code = os.waitstatus_to_exitcode(status)
    return End(0, -code) if code < 0 else End(code)


def _become_ordinary() -> None:
    """Take our signal handling off a child until it is another program.

    A signal sent to it before exec would be lost on it, and reach us by the wake-up pipe it shares.
    """
    signal.set_wakeup_fd(-1)
    for number in (*OURS, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, OURS)


def _steady_clock() -> None:
    """Give supervisord's processes a clock that no change of the wall clock moves.

    It kills after `stopwaitsecs` of time.time(): a clock set forward would cut a stop short.
    """
    offset = time.time() - time.monotonic()
    supervisor.process.time = SimpleNamespace(time=lambda: offset + time.monotonic())
