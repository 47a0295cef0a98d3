"""Idempotency keys: a POST that is sent again gets its first answer and changes nothing."""

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import delete, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.crud.errors import KeyReusedError
from app.local_tz import now
from app.models import IdempotencyKey

KEPT = timedelta(hours=24)
PRUNED_AT_ONCE = 100


def claim(session: Session, key: str, fingerprint: str) -> IdempotencyKey | None:
    """Take `key` for this transaction, or return the answer that was given under it.

    Waits while another transaction has it. Raises KeyReusedError if it came with another request.
    """
    _prune(session, key)
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    fresh = (
        dialect.insert(IdempotencyKey.__table__)
        .values(key=key, fingerprint=fingerprint, status=0, headers={}, body="", created_at=now())
        .on_conflict_do_nothing()
        .returning(IdempotencyKey.__table__.c.key)
    )
    if session.execute(fresh).first() is not None:
        return None
    known = session.get_one(IdempotencyKey, key)
    if known.fingerprint != fingerprint:
        raise KeyReusedError("this Idempotency-Key came with another request before")
    return known


def keep(session: Session, key: str, status: int, headers: Mapping[str, str], body: str) -> None:
    """Note the answer to the request that took `key` in this transaction."""
    taken = session.get_one(IdempotencyKey, key)
    taken.status, taken.headers, taken.body = status, dict(headers), body
    session.flush()


def _prune(session: Session, key: str) -> None:
    """Forget what is too old: a few rows at a time, none that another transaction has."""
    too_old = IdempotencyKey.created_at < now() - KEPT
    some = (
        select(IdempotencyKey.key)
        .where(too_old)
        .order_by(IdempotencyKey.created_at)
        .limit(PRUNED_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    chosen = or_(IdempotencyKey.key == key, IdempotencyKey.key.in_(some))
    session.execute(
        delete(IdempotencyKey).where(too_old, chosen),
        execution_options={"synchronize_session": False},
    )
