"""ledger: services, releases, deployments, events in their order, idempotency keys, row tokens."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# The oldest revision whose code may still run on the schema this one leaves behind.
min_reader = "0001"

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
MOMENT = sa.DateTime(timezone=True)
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
LIVE = sa.text("state = 'live'")
OPEN = sa.text("state IN ('starting', 'ready', 'live', 'draining')")

TRIGGERS = {
    "postgresql": (
        """
        CREATE OR REPLACE FUNCTION edgepaas_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'events are append-only' USING ERRCODE = 'restrict_violation';
        END $$
        """,
        """
        CREATE TRIGGER edgepaas_append_only BEFORE UPDATE OR DELETE ON events
        FOR EACH ROW EXECUTE FUNCTION edgepaas_refuse_change()
        """,
        """
        CREATE OR REPLACE FUNCTION edgepaas_order_event() RETURNS trigger LANGUAGE plpgsql
        SET search_path FROM CURRENT AS $$
        BEGIN
            INSERT INTO edgepaas_event_order (event_id, xid)
            VALUES (NEW.id, pg_current_xact_id()::text::bigint);
            RETURN NULL;
        END $$
        """,
        """
        CREATE TRIGGER edgepaas_in_order AFTER INSERT ON events
        FOR EACH ROW EXECUTE FUNCTION edgepaas_order_event()
        """,
    ),
    "sqlite": (
        """
        CREATE TRIGGER edgepaas_no_update BEFORE UPDATE ON events
        BEGIN SELECT RAISE(ABORT, 'events are append-only'); END
        """,
        """
        CREATE TRIGGER edgepaas_no_delete BEFORE DELETE ON events
        BEGIN SELECT RAISE(ABORT, 'events are append-only'); END
        """,
        """
        CREATE TRIGGER edgepaas_in_order AFTER INSERT ON events
        BEGIN INSERT INTO edgepaas_event_order (event_id, xid) VALUES (NEW.id, 0); END
        """,
    ),
}


def upgrade() -> None:
    op.add_column("nodes", row_token())
    services()
    releases()
    deployments()
    events()
    idempotency_keys()


def downgrade() -> None:
    for table in (
        "idempotency_keys",
        "edgepaas_event_order",
        "events",
        "deployments",
        "releases",
        "services",
    ):
        op.drop_table(table)
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP FUNCTION edgepaas_order_event()")
        op.execute("DROP FUNCTION edgepaas_refuse_change()")
    op.drop_column("nodes", "row_token")


def row_token() -> sa.Column[str]:
    # Code of revision 0001 does not know of it: its rows have 0.
    return sa.Column("row_token", sa.String(32), server_default="0", nullable=False)


def resource(name: str, *columns: sa.schema.SchemaItem) -> None:
    op.create_table(
        name,
        sa.Column("id", sa.Uuid(), nullable=False),
        *columns,
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        row_token(),
        sa.PrimaryKeyConstraint("id", name=f"pk_{name}"),
    )


def services() -> None:
    resource(
        "services",
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("description", sa.String(255), nullable=False),
        sa.UniqueConstraint("name", name="uq_services_name"),
    )


def releases() -> None:
    resource(
        "releases",
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.String(128), nullable=False),
        sa.Column("image", sa.String(512), nullable=False),
        sa.ForeignKeyConstraint(
            ["service_id"], ["services.id"], name="fk_releases_service_id_services"
        ),
        sa.UniqueConstraint("service_id", "version", name="uq_releases_service_id"),
        sa.UniqueConstraint("id", "service_id", name="uq_releases_id"),
    )


def deployments() -> None:
    resource(
        "deployments",
        sa.Column("node_id", sa.Uuid(), nullable=False),
        sa.Column("release_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("slot", sa.String(5), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("reason", sa.String(255), nullable=False),
        sa.ForeignKeyConstraint(
            ["node_id"], ["nodes.id"], name="fk_deployments_node_id_nodes", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["release_id", "service_id"],
            ["releases.id", "releases.service_id"],
            name="fk_deployments_release_id_releases",
            ondelete="CASCADE",
        ),
        sa.CheckConstraint("slot IN ('blue', 'green')", name="ck_deployments_slot"),
        sa.CheckConstraint(
            "state IN ('starting', 'ready', 'live', 'draining', 'stopped', 'failed')",
            name="ck_deployments_state",
        ),
    )
    for column in ("node_id", "release_id", "service_id"):
        op.create_index(f"ix_deployments_{column}", "deployments", [column])
    for name, columns, where in (
        ("uq_deployments_live", ["service_id", "node_id"], LIVE),
        ("uq_deployments_slot", ["service_id", "node_id", "slot"], OPEN),
    ):
        op.create_index(
            name, "deployments", columns, unique=True, postgresql_where=where, sqlite_where=where
        )


def events() -> None:
    op.create_table(
        "events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("node_id", sa.Uuid(), nullable=True),
        sa.Column("service_id", sa.Uuid(), nullable=True),
        sa.Column("release_id", sa.Uuid(), nullable=True),
        sa.Column("deployment_id", sa.Uuid(), nullable=True),
        sa.Column("payload", JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
    )
    op.create_index("ix_events_node_id", "events", ["node_id"])
    op.create_index("ix_events_service_id", "events", ["service_id"])
    op.create_table(
        "edgepaas_event_order",
        sa.Column("position", BIG, nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("xid", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["events.id"],
            name="fk_edgepaas_event_order_event_id_events",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("position", name="pk_edgepaas_event_order"),
        sa.UniqueConstraint("event_id", name="uq_edgepaas_event_order_event_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_edgepaas_event_order_place", "edgepaas_event_order", ["xid", "position"])
    for statement in TRIGGERS[op.get_context().dialect.name]:
        op.execute(statement)


def idempotency_keys() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", JSON, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_idempotency_keys"),
    )
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"])
