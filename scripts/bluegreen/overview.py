"""What stands where, and what was done, told to a person or as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from scripts.bluegreen.host import Host
from scripts.bluegreen.outcome import Stopped
from scripts.bluegreen.slot import SLOTS

UNKNOWN = "unknown"
SHOWN = 20


def status(host: Host) -> dict[str, Any]:
    """Return what the proxy, the engine and the memory say."""
    try:
        live = host.proxy.live() or "none"
        problem = ""
    except Stopped as failure:
        live, problem = UNKNOWN, str(failure)
    build, slot = host.asker.identity(host.config.proxy.url + host.config.service.version_path)
    return {
        "live": live,
        "problem": problem,
        "through_the_proxy": {"build": build, "slot": slot},
        "slots": {name: _slot(host, name) for name in SLOTS},
        "operation": asdict(host.state.operation) if host.state.operation else None,
        "at_work": host.lock.holder(),
    }


def _slot(host: Host, name: str) -> dict[str, Any]:
    found = host.containers.inspect(name)
    release = host.state.slots.get(name)
    state = found["State"] if found else {"Status": "absent", "ExitCode": None, "Running": False}
    ready = (
        state["Running"] and host.asker.ask(f"{host.config.slots[name].management_url}/readyz").ok
    )
    return {
        "container": host.containers.name(name),
        "state": state["Status"],
        "exit_status": None if state["Running"] else state["ExitCode"],
        "ready": bool(ready),
        "build": release.build if release else "",
        "image": release.image if release else "",
        "image_id": found["Image"] if found else "",
    }


def agrees(found: dict[str, Any]) -> bool:
    """Tell whether all is as it should be: one slot live, answering, nothing interrupted."""
    live = found["slots"].get(found["live"])
    answering = found["through_the_proxy"]["slot"] == found["live"]
    return bool(live and live["ready"] and answering and found["operation"] is None)


def tell_status(found: dict[str, Any]) -> str:
    """Return the status as text."""
    lines = [f"live: {found['live']} {found['problem']}".rstrip()]
    seen = found["through_the_proxy"]
    lines.append(f"through the proxy: build {seen['build']} in {seen['slot'] or 'no slot'}")
    for name, slot in found["slots"].items():
        ended = "" if slot["exit_status"] is None else f", ended with {slot['exit_status']}"
        ready = "ready" if slot["ready"] else "not ready"
        state = f"{slot['state']}{ended}" if slot["state"] != "running" else f"running, {ready}"
        lines.append(f"{name:5} {slot['container']}: {state}; build {slot['build'] or UNKNOWN}")
    operation = found["operation"]
    if operation and found["at_work"]:
        lines.append(
            f"under way: {operation['word']} to {operation['slot']}, step {operation['step']}"
        )
    elif operation:
        lines.append(
            f"interrupted: {operation['word']} of {operation['release']['image']} to"
            f" {operation['slot']}, step {operation['step']}; the same word ends it"
        )
    lines.append("all is well" if agrees(found) else "NOT as it should be")
    return "\n".join(f"  {line}" for line in lines)


def tell_history(entries: list[dict[str, Any]], as_json: bool) -> str:
    """Return what was done, the latest last."""
    if as_json:
        return json.dumps(entries, indent=2)
    lines = [
        f"  {one['ended'][:19]}  {one['word']:8} {one['slot']:5} {one['outcome']:13} "
        f"{one['build']}  {one['image']}  {one['reason']}".rstrip()
        for one in entries[-SHOWN:]
    ]
    return "\n".join(lines or ["  nothing yet"])
