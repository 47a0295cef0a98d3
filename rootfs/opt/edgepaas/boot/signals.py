"""The signals PID 1 lives by: blocked until somebody can handle them, then one by one. A leaf."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress

STOP = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT})
OURS = STOP | {signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2}  # as the first line of /init
IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
WAKE_BYTES = 4096


class Signals:
    """Keeps what comes and hands it to `handle` when the loop sees `fd` readable.

    The wake-up pipe ends the loop's poll at once: PEP 475 lets it sleep on otherwise.
    """

    def __init__(self, handle: Callable[[int], None]) -> None:
        self.handle = handle
        self.fd, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        self._pending: set[int] = set()

    def take_over(self) -> None:
        """Handle our signals from now on, and let those in that were blocked."""
        for number in (*OURS, *IGNORED_BY_PYTHON, signal.SIGALRM):
            signal.signal(number, self._note)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, OURS)

    def woken(self) -> None:
        """Empty the pipe and handle what is pending."""
        with suppress(BlockingIOError):
            while len(os.read(self.fd, WAKE_BYTES)) == WAKE_BYTES:
                pass
        while self._pending:
            self.handle(self._pending.pop())

    def _note(self, number: int, _: object) -> None:
        """Keep a signal for the loop.

        A set, because a flood of signals may fill the pipe; and a handler, not SIG_IGN, because
        programs we start would inherit that.
        """
        self._pending.add(number)


def shield_children() -> None:
    """Let no child act on a signal of ours before it is another program."""
    os.register_at_fork(
        before=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, OURS),
        after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, OURS),
        after_in_child=_become_ordinary,
    )


def _become_ordinary() -> None:
    """Take our signal handling off a child until it is another program.

    A signal sent to it before exec would be lost on it, and reach us by the wake-up pipe it shares.
    """
    signal.set_wakeup_fd(-1)
    for number in (*OURS, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, OURS)
