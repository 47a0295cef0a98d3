"""A deploy or rollback from its first step to its last, and back from each that fails.

Each step is recorded before it is done; recovery.py goes on from any of them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from scripts.bluegreen import smoke
from scripts.bluegreen.containers import CUT
from scripts.bluegreen.host import Host
from scripts.bluegreen.outcome import Interrupted, Outcome, Stopped
from scripts.bluegreen.signals import deferred
from scripts.bluegreen.state import Operation
from scripts.bluegreen.switch import prove, switch
from scripts.console import say

PREPARE, GAP, START, WAIT, SMOKE = "prepare", "gap", "start", "wait", "smoke"
SWITCH, PROVE, BACK, DRAIN, STOP = "switch", "prove", "back", "drain", "stop"
QUIET_LOOKS = 3
LOOK_SECONDS = 0.2


@dataclass
class Flow:
    """One operation on one host. `env` is what a new container finds; None starts the kept one."""

    host: Host
    operation: Operation
    env: Mapping[str, str] | None

    def run(self) -> None:
        """Carry it out; raises Stopped, after going back, when that is not possible."""
        try:
            self.bring_up()
        except BaseException as error:
            with deferred():
                self.give_up(error)
            raise
        try:
            self.go_live()
        except BaseException as error:
            with deferred():
                raise self.go_back(error) from error
        try:
            self.finish()
        except Interrupted:
            raise Stopped(
                f"interrupted, but {self.operation.slot} is live and proved; the next word does the"
                " rest",
                Outcome.TRY_AGAIN,
            ) from None

    # before the switch

    def bring_up(self) -> None:
        """Bring the idle slot up to where it could be live."""
        containers, operation = self.host.containers, self.operation
        self._step(PREPARE)
        if self.env is not None:
            containers.put_aside(operation.slot)
            containers.create(operation, self.env)
        if operation.gap and operation.before:
            self._step(GAP)
            say(f"stopping {operation.before}: from here on nobody is served")
            containers.stop(operation.before)
        self._step(START)
        self._record(self.host.ledger.begin(operation))
        say(f"starting {operation.slot} with build {operation.release.build}")
        containers.start(operation.slot)
        self._step(WAIT)
        self.host.boot.wait(operation.slot, self.host.config.wait.ready)
        say(f"{operation.slot} is ready\n{self.host.boot.timeline()}")
        self._step(SMOKE)
        self.check()
        self.host.ledger.ready(self.operation.deployment)

    def check(self) -> None:
        """Ask the slot what it must answer; a failure tells its report and last lines."""
        config, slot = self.host.config, self.operation.slot
        try:
            smoke.check(
                config.smoke,
                self.host.asker,
                config.slots[slot],
                self.operation.release,
                config.service.version_path,
            )
        except Stopped as failure:
            raise Stopped(f"{failure}{self.host.boot.told(slot)}", failure.status) from None

    def give_up(self, error: BaseException) -> None:
        """Undo everything before the switch; the live slot was not touched, or is started again."""
        operation, host = self.operation, self.host
        kept = host.containers.name(operation.slot, "-failed")
        host.containers.take_back(operation)
        if operation.before:
            self.see_to(operation.before)
        host.ledger.failed(operation.deployment, str(error))
        host.close(operation, "failed", str(error) or "interrupted", live=operation.before)
        say(
            f"not deployed; {operation.before or 'no slot'} is live, as before"
            + (f"; what failed is kept: docker logs {kept}" if self.env is not None else "")
        )

    def see_to(self, slot: str) -> None:
        """Have a slot run that should be live: after a gap, or where it died meanwhile."""
        containers = self.host.containers
        if containers.inspect(slot) is None or containers.is_running(slot):
            return
        say(f"starting {slot} again")
        containers.start(slot)
        containers.keep_running(slot)
        self.host.boot.wait(slot, self.host.config.wait.ready)

    # the switch

    def go_live(self) -> None:
        """Switch, and prove it."""
        operation = self.operation
        # Before the switch: were the host to restart in between, the engine must start it again.
        self.host.containers.keep_running(operation.slot)
        self._step(SWITCH)
        began = time.monotonic()
        switch(self.host, operation.slot)
        self._step(PROVE)
        prove(self.host, operation.slot, operation.release)
        say(f"switched to {operation.slot} in {time.monotonic() - began:.2f} s, proof and all")

    def go_back(self, error: BaseException) -> Stopped:
        """Switch back to what was live; return the failure that tells how that went."""
        operation, host = self.operation, self.host
        told = f"{error}{host.boot.told(operation.slot)}"
        self._step(BACK)
        say(f"switching back to {operation.before or 'no slot'}: {str(error) or 'interrupted'}")
        try:
            self.back()
        except Stopped as worse:
            return Stopped(
                f"{told}\nAND SWITCHING BACK FAILED: {worse}\n"
                f"  look now: `make status`, then `make abort` to try again",
                Outcome.UNCERTAIN,
            )
        return Stopped(
            f"{told}\nswitched back: {operation.before or 'no slot'} is live, as before",
            Outcome.SWITCHED_BACK,
        )

    def back(self) -> None:
        """Undo the switch and all before it; raises Stopped."""
        operation, host = self.operation, self.host
        if operation.before:
            self.see_to(operation.before)
        switch(host, operation.before)
        before = host.state.slots.get(operation.before or "")
        if operation.before and before:
            prove(host, operation.before, before)
        host.containers.take_back(operation)
        host.ledger.failed(operation.deployment, "switched back")
        host.close(operation, "switched back", live=operation.before)

    # after the switch

    def finish(self) -> None:
        """Drain and stop what was live; it is kept for a rollback."""
        operation, host = self.operation, self.host
        self._step(DRAIN)
        host.ledger.switched(operation.deployment)
        if operation.before:
            self._drain(operation.before)
        host.containers.forget_previous(operation.slot)
        slots = {**host.state.slots, operation.slot: operation.release}
        host.save(replace(host.state, slots=slots))
        host.close(operation, "done", live=operation.slot)
        host.ledger.drained(operation.deployment)
        release = operation.release
        say(f"{operation.slot} is live with build {release.build} ({release.image})")

    def _drain(self, slot: str) -> None:
        host = self.host
        self._wait_until_quiet(slot)
        self._step(STOP)
        status = host.containers.stop(slot)
        if status == CUT:
            say(f"warning: {slot} ended with {CUT}: requests were cut; raise EDGEPAAS_STOP_TIMEOUT")
        try:
            host.proxy.retire(slot)
        except Stopped as problem:
            say(f"warning: {problem}")
        say(f"{slot} is stopped and kept: `make rollback` brings it back")

    def _wait_until_quiet(self, slot: str) -> None:
        """Wait until a slot has no request in flight, as long as the settings allow."""
        url = self.host.config.slots[slot].management_url
        deadline = time.monotonic() + self.host.config.wait.drain
        quiet = 0
        while quiet < QUIET_LOOKS and time.monotonic() < deadline:
            busy = self.host.asker.in_flight(url)
            if busy is None:
                return  # it does not say, or runs no more: its stop budget is what is left
            quiet = 0 if busy else quiet + 1
            time.sleep(LOOK_SECONDS)

    def _step(self, step: str) -> None:
        self.operation = self.host.note(self.operation.at(step))

    def _record(self, deployment: str) -> None:
        self.operation = self.host.note(replace(self.operation, deployment=deployment))
