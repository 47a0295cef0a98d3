"""The words: deploy, rollback, abort; each ends what was interrupted before it begins."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping

from scripts.bluegreen import database, image
from scripts.bluegreen.flow import Flow
from scripts.bluegreen.history import now
from scripts.bluegreen.host import Host
from scripts.bluegreen.image import Image
from scripts.bluegreen.outcome import Outcome, Stopped
from scripts.bluegreen.recovery import recover
from scripts.bluegreen.slot import BLUE, other
from scripts.bluegreen.state import Operation
from scripts.console import say
from scripts.service import is_free

GIVE_UP_SECONDS = 300.0
POLL_SECONDS = 0.2


def deploy(host: Host, name: str, *, stop_start: bool, dry_run: bool) -> None:
    """Bring an image live; raises Stopped."""
    host.proxy.check()
    if dry_run:
        operation, env = _planned(host, name, stop_start)
        _tell_plan(host, operation, env)
        return
    with host.locked("deploy"):
        found = image.resolve(host.containers.docker, name)
        finished = recover(host)
        if finished and finished.release.image_id == found.release.image_id:
            return
        operation, env = _planned(host, name, stop_start)
        Flow(host, operation, env).run()


def rollback(host: Host, *, dry_run: bool) -> None:
    """Bring the other slot's release live again; raises Stopped."""
    host.proxy.check()
    if dry_run:
        operation, env = _kept(host)
        _tell_plan(host, operation, env)
        return
    with host.locked("rollback"):
        recover(host)
        operation, env = _kept(host)
        Flow(host, operation, env).run()


def abort(host: Host) -> None:
    """Undo what is under way, or was when its process was killed; raises Stopped."""
    process = host.lock.interrupt()
    if process:
        say(f"asked process {process} to give up; it says what becomes of it")
        _wait_for_end_of(host, process)
    with host.locked("abort"):
        if host.state.operation is None and not process:
            say("nothing is under way")
        recover(host, back=True)


def _wait_for_end_of(host: Host, process: int) -> None:
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while host.lock.holder() == process:
        if time.monotonic() > deadline:
            raise Stopped(f"process {process} is still at it; look there", Outcome.TRY_AGAIN)
        time.sleep(POLL_SECONDS)


def _planned(host: Host, name: str, stop_start: bool) -> tuple[Operation, Mapping[str, str]]:
    found = image.resolve(host.containers.docker, name)
    env = host.environment(found)
    embedded = database.is_embedded(env)
    if embedded and not stop_start and host.live():
        raise Stopped(database.ADVICE, Outcome.CONFIG)
    return _operation(host, "deploy", found, gap=embedded and stop_start), env


def _operation(host: Host, word: str, found: Image, *, gap: bool) -> Operation:
    live = host.live()
    return Operation(
        id=uuid.uuid4().hex[:12],
        word=word,
        slot=other(live) if live else BLUE,
        before=live,
        release=found.release,
        began=now(),
        step="",
        gap=gap,
    )


def _kept(host: Host) -> tuple[Operation, Mapping[str, str] | None]:
    """Return the way back: the kept container, or its release in a new one."""
    live = host.live()
    release = host.state.slots.get(other(live)) if live else None
    if release is None:
        raise Stopped("there is nothing to roll back to: `make history` shows what was deployed")
    found = image.resolve(host.containers.docker, release.image_id)
    env = host.environment(found)
    operation = _operation(
        host, "rollback", Image(release, found.env), gap=database.is_embedded(env)
    )
    container = host.containers.inspect(operation.slot)
    kept = container is not None and container["Image"] == release.image_id
    return operation, None if kept else env


def _tell_plan(host: Host, operation: Operation, env: Mapping[str, str] | None) -> None:
    """Print what would be done, without doing any of it."""
    containers, slot = host.containers, host.config.slots[operation.slot]
    for port in (slot.app_port, slot.management_port):
        if not is_free(port) and not containers.is_running(slot.name):
            raise Stopped(f"port {port} of {slot.name} is taken by something else", Outcome.CONFIG)
    say(f"dry run: {operation.word} of {operation.release.image} ({operation.release.image_id})")
    if host.state.operation:
        say(f"first, what was interrupted at its step {host.state.operation.step} would be ended")
    if env is not None:
        say(f"would run: docker {' '.join(containers.command(operation, env))}")
    if operation.gap and operation.before:
        say(f"would stop {operation.before} first: a gap")
    say(f"would start {containers.name(operation.slot)}, wait until it is ready, ask it")
    for line in host.proxy.plan(operation.slot):
        say(f"would switch: {line}")
    if operation.before:
        say(f"would drain and stop {containers.name(operation.before)}, and keep it")
