"""Releases: reading and changing them."""

from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, joinedload

from app.crud import events
from app.crud.errors import ConflictError, ReferenceMissingError
from app.crud.rows import Page, Versions, expect, found, page, refusing
from app.ids import uuid7
from app.local_tz import now
from app.models import Deployment, Kind, Release, Service
from app.models.deployment import OPEN
from app.schemas.query import ReleaseQuery
from app.schemas.release import ReleaseCreate

SERVICE = joinedload(Release.service, innerjoin=True)


def create(session: Session, given: ReleaseCreate) -> Release:
    """Add a release; raise ReferenceMissingError, or ConflictError where its version is there."""
    missing = ReferenceMissingError("service_id", given.service_id)
    taken = ConflictError("version-taken", f"the service has a release {given.version} already")
    service = session.get(Service, given.service_id)
    if service is None:
        raise missing
    moment = now()
    release = Release(
        id=uuid7(), **given.model_dump(), service=service, created_at=moment, updated_at=moment
    )
    session.add(release)
    with refusing(unique=taken, foreign=missing):
        session.flush()
    events.record(session, Kind.RELEASE_CREATED, release)
    return release


def get(session: Session, release_id: UUID) -> Release:
    """Return a release with its service; raise MissingError."""
    return found(session, Release, release_id, SERVICE)


def list_page(session: Session, asked: ReleaseQuery) -> Page:
    """Return a page of releases with their services."""
    query = select(Release).options(SERVICE)
    if asked.service_id is not None:
        query = query.where(Release.service_id == asked.service_id)
    if asked.version is not None:
        query = query.where(Release.version == asked.version)
    return page(session, query, asked)


def remove(session: Session, release_id: UUID, versions: Versions = None) -> None:
    """Remove a release and its deployments that have ended.

    Raises MissingError, ChangedError, or ConflictError if a deployment has not ended.
    """
    release = found(session, Release, release_id, SERVICE, lock=True)
    expect(release, versions)
    deployed = (Deployment.release_id == release_id) & Deployment.state.in_(OPEN)
    if session.scalar(select(exists().where(deployed))):
        message = f"the release {release.version} is deployed; let its deployments end first"
        raise ConflictError("release-in-use", message)
    events.record(session, Kind.RELEASE_DELETED, release)
    session.delete(release)
    session.flush()
