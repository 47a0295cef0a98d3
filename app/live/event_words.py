"""Events in words, for people. Imports nothing of ours."""

from types import MappingProxyType
from typing import Any

WORDS = MappingProxyType(
    {
        "node.created": "{node} was recorded",
        "node.updated": "{node} was changed",
        "node.online": "{node} is online",
        "node.deleted": "{node} was removed",
        "service.created": "{service}: a new service",
        "service.updated": "{service} was changed",
        "service.deleted": "{service} was removed",
        "release.created": "{service} {version}: a new release",
        "release.deleted": "{service} {version} was removed",
        "deployment.starting": "{service} {version} starts in {slot} on {node}",
        "deployment.ready": "{service} {version} is ready in {slot} on {node}",
        "deployment.live": "{service} {version} is live in {slot} on {node}",
        "deployment.draining": "{service} {version} drains in {slot} on {node}",
        "deployment.stopped": "{service} {version} stopped in {slot} on {node}",
        "deployment.failed": "{service} {version} failed in {slot} on {node}",
    }
)
ID_SHOWN = 8


def words(event: dict[str, Any]) -> str:
    """Return what happened, by the names in the event's payload or else by its ids."""
    payload = event["payload"]
    subject = event["kind"].partition(".")[0]
    names = {subject: payload.get("name"), **payload}
    known = {
        "node": names.get("node") or _short(event["node_id"], "node"),
        "service": names.get("service") or _short(event["service_id"], "service"),
        "version": names.get("version") or _short(event["release_id"], "release"),
        "slot": names.get("slot") or "its slot",
    }
    sentence = WORDS.get(event["kind"], event["kind"]).format(**known)
    reason = payload.get("reason")
    return f"{sentence}: {reason}" if reason else sentence


def _short(subject: str | None, kind: str) -> str:
    return f"{kind} {subject[-ID_SHOWN:]}" if subject else f"a {kind}"
