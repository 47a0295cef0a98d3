"""How Alembic reaches the database: a connection handed in, or the app's own settings."""

from alembic import context
from sqlalchemy import Connection

from app import settings
from app.db import connect_for_migration
from app.models import Base


def is_compared(name: str | None, kind: str, _parents: object) -> bool:
    """Leave out the tables that the runtime keeps beside the app's."""
    ours = name in Base.metadata.tables
    return ours or kind != "table" or not (name or "").startswith("edgepaas_")


def migrate(connection: Connection) -> None:
    """Run the migrations on `connection`, one transaction each unless the caller opened one."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_name=is_compared,
        transaction_per_migration=True,
        transactional_ddl=True,
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        context.run_migrations()


def print_sql(url: str) -> None:
    """Write the SQL of the migrations instead of running it."""
    context.configure(
        url=url,
        target_metadata=Base.metadata,
        literal_binds=True,
        transaction_per_migration=True,
        dialect_opts={"paramstyle": "named"},
    )
    with context.begin_transaction():
        context.run_migrations()


def database_url() -> str:
    """Return the URL the caller configured, else the app's."""
    configured = context.config.get_main_option("sqlalchemy.url")
    return settings.database_url(configured) if configured else settings.load().database_url


def main() -> None:
    """Migrate, or print the SQL with --sql."""
    connection = context.config.attributes.get("connection")
    if context.is_offline_mode():
        print_sql(database_url())
    elif connection is not None:
        migrate(connection)
    else:
        with connect_for_migration(database_url()) as opened:
            migrate(opened)


main()
