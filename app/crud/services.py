"""Services: reading and changing them."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app.crud import events
from app.crud.errors import ConflictError
from app.crud.rows import Page, Versions, expect, found, page, refusing
from app.ids import uuid7
from app.local_tz import now
from app.models import Kind, Release, Service
from app.schemas.query import ServiceQuery
from app.schemas.service import ServiceCreate, ServiceUpdate


def create(session: Session, given: ServiceCreate) -> Service:
    """Add a service; raise ConflictError where its name is taken."""
    moment = now()
    service = Service(id=uuid7(), **given.model_dump(), created_at=moment, updated_at=moment)
    session.add(service)
    _flush(session, given.name)
    events.record(session, Kind.SERVICE_CREATED, service)
    return service


def get(session: Session, service_id: UUID) -> Service:
    """Return a service; raise MissingError."""
    return found(session, Service, service_id)


def list_page(session: Session, asked: ServiceQuery) -> Page:
    """Return a page of services."""
    query = select(Service)
    if asked.name is not None:
        query = query.where(Service.name == asked.name)
    return page(session, query, asked)


def list_by_name(session: Session, limit: int) -> Sequence[Service]:
    """Return up to `limit` services in the order of their names."""
    return session.scalars(select(Service).order_by(Service.name).limit(limit)).all()


def change(
    session: Session, service_id: UUID, given: ServiceUpdate, versions: Versions = None
) -> Service:
    """Change what `given` sets; raise MissingError, ChangedError or ConflictError."""
    service = found(session, Service, service_id, lock=True)
    expect(service, versions)
    for name in given.model_fields_set:
        setattr(service, name, getattr(given, name))
    service.updated_at = now()
    _flush(session, service.name)
    events.record(session, Kind.SERVICE_UPDATED, service)
    return service


def remove(session: Session, service_id: UUID, versions: Versions = None) -> None:
    """Remove a service; raise MissingError, ChangedError, or ConflictError if it has releases."""
    service = found(session, Service, service_id, lock=True)
    expect(service, versions)
    if session.scalar(select(exists().where(Release.service_id == service_id))):
        message = f"the service {service.name} has releases; remove them first"
        raise ConflictError("service-in-use", message)
    events.record(session, Kind.SERVICE_DELETED, service)
    session.delete(service)
    session.flush()


def _flush(session: Session, name: str) -> None:
    with refusing(unique=ConflictError("name-taken", f"a service named {name} exists already")):
        session.flush()
