"""A small fleet to look at: `python -m app.seed_demo`, or `edgepaas seed-demo` in a container.

Made by way of crud, so that every change has its event. Never in production; all or nothing.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app import crud, dev_schema
from app.db import Database, UnavailableError
from app.local_tz import now
from app.models import Deployment, Kind, Node, Release, Service, Slot, State
from app.models.deployment import OPEN
from app.schemas.deployment import DeploymentChange, DeploymentCreate
from app.schemas.node import NodeCreate
from app.schemas.release import ReleaseCreate
from app.schemas.service import ServiceCreate
from app.settings import Settings, SettingsError, load

ACTOR = "seed-demo"
NOW = timedelta()


class Machine(NamedTuple):
    """A node of the example, and how long ago it was heard of; None: never."""

    name: str
    region: str
    labels: dict[str, str]
    silent_for: timedelta | None = NOW


class Rollout(NamedTuple):
    """What was made live on a node, and how far its successor in the other slot has come."""

    node: str
    service: str
    version: str
    slot: Slot
    successor: str = ""
    ways: tuple[State, ...] = ()
    stopped: bool = False


MACHINES = (
    Machine("ber-1", "eu-central", {"rack": "a1", "arch": "amd64"}),
    Machine("ber-2", "eu-central", {"rack": "a2", "arch": "amd64"}),
    Machine("dub-1", "eu-west", {"rack": "b7", "arch": "arm64"}),
    Machine("iad-1", "us-east", {"rack": "c3", "arch": "amd64"}),
    Machine("iad-2", "us-east", {"rack": "c4", "arch": "amd64"}, timedelta(seconds=90)),
    Machine("sin-1", "ap-southeast", {"rack": "d1", "arch": "arm64"}),
    Machine("sin-2", "ap-southeast", {"rack": "d2", "arch": "arm64"}, timedelta(hours=7)),
    Machine("syd-1", "ap-southeast", {"rack": "e1", "arch": "arm64"}, None),
)
SERVICES = (
    ServiceCreate(name="checkout", description="takes orders and the money for them"),
    ServiceCreate(name="catalog", description="what there is to buy, cached at the edge"),
    ServiceCreate(name="telemetry", description="collects measurements and sends them on"),
)
VERSIONS = {
    "checkout": ("1.4.1", "1.4.2", "1.5.0"),
    "catalog": ("2.0.3", "2.1.0"),
    "telemetry": ("0.9.0", "0.9.1"),
}
TO_LIVE = (State.READY, State.LIVE)
ROLLOUTS = (
    Rollout("ber-1", "checkout", "1.4.2", Slot.BLUE, "1.5.0", TO_LIVE),
    Rollout("ber-2", "checkout", "1.4.2", Slot.BLUE, "1.5.0", (State.READY,)),
    Rollout("dub-1", "checkout", "1.4.2", Slot.GREEN, "1.5.0"),
    Rollout("iad-1", "checkout", "1.4.1", Slot.GREEN, "1.4.2", TO_LIVE, stopped=True),
    Rollout("iad-2", "checkout", "1.4.2", Slot.BLUE, "1.5.0", (State.FAILED,)),
    Rollout("sin-1", "checkout", "1.4.2", Slot.BLUE),
    Rollout("ber-1", "catalog", "2.0.3", Slot.GREEN, "2.1.0", TO_LIVE, stopped=True),
    Rollout("dub-1", "catalog", "2.0.3", Slot.BLUE, "2.1.0", (State.READY,)),
    Rollout("iad-1", "catalog", "2.0.3", Slot.BLUE),
    Rollout("sin-1", "telemetry", "0.9.0", Slot.BLUE, "0.9.1", TO_LIVE),
    Rollout("sin-2", "telemetry", "0.9.0", Slot.BLUE),
)


class NotEmptyError(Exception):
    """There is something in the database already."""


def seed(session: Session, settings: Settings, *, again: bool = False) -> None:
    """Make the example, or with `again` what is missing of it.

    Raises NotEmptyError where there are nodes or services, unless `again`.
    """
    if not again and any(session.scalar(select(exists(select(of)))) for of in (Node, Service)):
        raise NotEmptyError
    crud.events.act_as(session, ACTOR)
    nodes = {machine.name: _node(session, machine, settings) for machine in MACHINES}
    releases = dict(_releases(session))
    for rollout in ROLLOUTS:
        _roll_out(session, rollout, nodes[rollout.node], releases)


def _node(session: Session, machine: Machine, settings: Settings) -> Node:
    node = session.scalar(select(Node).where(Node.name == machine.name))
    if node is None:
        given = NodeCreate(name=machine.name, region=machine.region, labels=machine.labels)
        node = crud.nodes.create(session, given)
        if machine.silent_for:
            node.heartbeat_at = now() - machine.silent_for
            session.flush()
            crud.events.record(session, Kind.NODE_ONLINE, node)
    if machine.silent_for == NOW:
        crud.nodes.beat(session, node.id, settings)
    return node


def _releases(session: Session) -> Iterator[tuple[tuple[str, str], UUID]]:
    """Yield the id of every release of the example, by service and version."""
    for given in SERVICES:
        service = session.scalar(select(Service).where(Service.name == given.name))
        service = service or crud.services.create(session, given)
        for version in VERSIONS[given.name]:
            yield (given.name, version), _release(session, service, version)


def _release(session: Session, service: Service, version: str) -> UUID:
    there = (Release.service_id == service.id) & (Release.version == version)
    found = session.scalar(select(Release.id).where(there))
    if found is not None:
        return found
    image = f"{service.name}:{version}"
    given = ReleaseCreate(service_id=service.id, version=version, image=image)
    return crud.releases.create(session, given).id


def _roll_out(
    session: Session, rollout: Rollout, node: Node, releases: dict[tuple[str, str], UUID]
) -> None:
    """Bring about what `rollout` tells, unless the service is on that node already."""
    release_id = releases[rollout.service, rollout.version]
    service_id = select(Release.service_id).where(Release.id == release_id).scalar_subquery()
    there = (
        (Deployment.node_id == node.id)
        & (Deployment.service_id == service_id)
        & Deployment.state.in_(OPEN)
    )
    if session.scalar(select(exists().where(there))):
        return
    first = _deploy(session, node, release_id, rollout.slot, TO_LIVE)
    if rollout.successor:
        other = Slot.GREEN if rollout.slot is Slot.BLUE else Slot.BLUE
        successor = releases[rollout.service, rollout.successor]
        _deploy(session, node, successor, other, rollout.ways)
    if rollout.stopped:
        crud.deployments.change(session, first, DeploymentChange(state=State.STOPPED))


def _deploy(
    session: Session, node: Node, release_id: UUID, slot: Slot, ways: Sequence[State]
) -> UUID:
    """Begin a deployment and bring it through `ways`; return its id."""
    given = DeploymentCreate(node_id=node.id, release_id=release_id, slot=slot)
    deployment = crud.deployments.create(session, given)
    for state in ways:
        if state is State.LIVE:
            crud.deployments.switch(session, deployment.id)
        else:
            reason = "did not become healthy in 60 s" if state is State.FAILED else ""
            change = DeploymentChange(state=state, reason=reason)
            crud.deployments.change(session, deployment.id, change)
    return deployment.id


def main(argv: Sequence[str] | None = None) -> str | None:
    """Make the example; return why not, None where it is made."""
    parser = argparse.ArgumentParser(prog="app.seed_demo", description=__doc__)
    parser.add_argument("--again", action="store_true", help="add what is missing of it")
    arguments = parser.parse_args(argv)
    try:
        settings = load()
    except SettingsError as error:
        return f"seed-demo: {error}"
    if settings.production:
        return "seed-demo: ENVIRONMENT=production: an example has no place there"
    database = Database(settings)
    try:
        return _fill(database, settings, again=arguments.again)
    finally:
        database.dispose()


def _fill(database: Database, settings: Settings, *, again: bool) -> str | None:
    if settings.creates_schema:
        dev_schema.create(database)
    try:
        with database.writing() as session:
            seed(session, settings, again=again)
    except NotEmptyError:
        return "seed-demo: the database is not empty; --again adds what is missing of the example"
    except UnavailableError as error:
        return f"seed-demo: {error}"
    sys.stdout.write(
        f"seed-demo: {len(MACHINES)} nodes, {len(SERVICES)} services and their releases are there."
        " Without a heartbeat a node is late after a minute: scripts/heartbeat.sh sends them.\n"
    )
    return None


if __name__ == "__main__":
    sys.exit(main())
