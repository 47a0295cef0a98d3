"""Events: written in the transaction of the change they tell of. app.live.event_log reads them."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.local_tz import now
from app.models import Deployment, Event, Kind, Node, Release, Service

ACTOR = "edgepaas_actor"


def act_as(session: Session, name: str) -> None:
    """Let the events of `session` tell who makes its changes."""
    session.info[ACTOR] = name


def record(session: Session, kind: Kind, subject: Node | Service | Release | Deployment) -> Event:
    """Add what happened to `subject`, with what a client needs to show it.

    A release must have its service loaded, a deployment its node and release.
    """
    ids, payload = _told(subject)
    by = {"by": session.info[ACTOR]} if ACTOR in session.info else {}
    event = Event(at=now(), kind=kind, payload={**by, **payload}, **ids)
    session.add(event)
    return event


def _told(
    subject: Node | Service | Release | Deployment,
) -> tuple[dict[str, UUID], dict[str, Any]]:
    match subject:
        case Node():
            return {"node_id": subject.id}, _node(subject)
        case Service():
            told = {"name": subject.name, "description": subject.description}
            return {"service_id": subject.id}, told
        case Release():
            ids = {"service_id": subject.service_id, "release_id": subject.id}
            return ids, _release(subject)
        case Deployment():
            return _ids(subject), _deployment(subject)


def _node(node: Node) -> dict[str, Any]:
    beat = node.heartbeat_at
    return {
        "name": node.name,
        "region": node.region,
        "labels": node.labels,
        "heartbeat_at": beat.isoformat().replace("+00:00", "Z") if beat else None,
    }


def _release(release: Release) -> dict[str, Any]:
    return {
        "service": release.service.name,
        "version": release.version,
        "image": release.image,
    }


def _ids(deployment: Deployment) -> dict[str, UUID]:
    return {
        "node_id": deployment.node_id,
        "service_id": deployment.service_id,
        "release_id": deployment.release_id,
        "deployment_id": deployment.id,
    }


def _deployment(deployment: Deployment) -> dict[str, Any]:
    return {
        "node": deployment.node.name,
        **_release(deployment.release),
        "slot": deployment.slot,
        "state": deployment.state,
        "reason": deployment.reason,
    }
