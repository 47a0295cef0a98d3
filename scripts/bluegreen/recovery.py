"""What a killed word left behind, brought to an end: forward or back, as the proxy says."""

from __future__ import annotations

from scripts.bluegreen import flow
from scripts.bluegreen.flow import Flow
from scripts.bluegreen.host import Host
from scripts.bluegreen.outcome import Outcome, Stopped
from scripts.bluegreen.signals import deferred
from scripts.bluegreen.state import Operation
from scripts.bluegreen.switch import live, prove, switch
from scripts.console import say

TOUCHED_PROXY = {flow.SWITCH, flow.PROVE, flow.BACK, flow.DRAIN, flow.STOP}
DECIDED = {flow.DRAIN, flow.STOP}


def recover(host: Host, *, back: bool = False) -> Operation | None:
    """End what is under way, and return it if it went forward to its end; raises Stopped.

    With `back` it is undone where that is still possible: until the old slot is being stopped.
    """
    operation = host.state.operation
    if operation is None:
        _remind(host)
        return None
    say(
        f"a {operation.word} of {operation.release.image} to {operation.slot} was interrupted at "
        f"its step {operation.step}"
    )
    left = Flow(host, operation, {} if host.containers.is_of(operation) else None)
    with deferred():
        switched = live(host) == operation.slot
        if switched and not _wanted_back(operation, back):
            return operation if _forward(left) else None
        _back(left, "given up" if back else "interrupted", switched)
    return None


def _remind(host: Host) -> None:
    """Tell a proxy that forgot what is live, as it may when it restarts without its saved state."""
    known = host.state.live
    if known and live(host) is None and host.containers.is_running(known):
        say(f"the proxy sends requests nowhere, and {known} was live: telling it again")
        with deferred():
            switch(host, known)
            prove(host, known, host.state.slots[known])


def _wanted_back(operation: Operation, back: bool) -> bool:
    if back and operation.step in DECIDED:
        say("it is live and proved: too late to abort; `make rollback` goes back")
        return False
    return back or operation.step == flow.BACK


def _forward(left: Flow) -> bool:
    """Finish what is switched already; go back when its slot cannot be brought to answer."""
    operation, host = left.operation, left.host
    say(f"the proxy has {operation.slot} live: going on")
    try:
        left.see_to(operation.slot)
        switch(host, operation.slot)
        prove(host, operation.slot, operation.release)
    except Stopped as failure:
        say(f"{operation.slot} does not answer: {failure}")
        _back(left, str(failure), switched=True)
        return False
    left.finish()
    return True


def _back(left: Flow, reason: str, switched: bool) -> None:
    """Undo it. A proxy that may have been told otherwise is told again."""
    operation = left.operation
    try:
        if switched or operation.step in TOUCHED_PROXY:
            left.back()
        else:
            left.give_up(Stopped(reason))
    except Stopped as failure:
        raise Stopped(
            f"what was interrupted could not be undone: {failure}\n"
            "  look now: `make status`; the next word tries again",
            Outcome.UNCERTAIN,
        ) from None
