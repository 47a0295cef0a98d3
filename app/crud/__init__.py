"""Reading and changing rows: a module per resource. The caller owns the transaction."""

from app.crud import deployments, events, idempotency, nodes, releases, services

__all__ = ["deployments", "events", "idempotency", "nodes", "releases", "services"]
