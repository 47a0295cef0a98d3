"""Alembic's generic env.py with the connection-sharing recipe of its cookbook."""

from alembic import context
from sqlalchemy import Connection, engine_from_config, pool


def migrate(connection: Connection) -> None:
    """Run the migrations on `connection`."""
    context.configure(
        connection=connection,
        transaction_per_migration=True,
        transactional_ddl=True,
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        context.run_migrations()


def main() -> None:
    """Migrate on the connection handed in, else on one of our own."""
    url = context.config.get_main_option("sqlalchemy.url")
    shared = context.config.attributes.get("connection")
    if context.is_offline_mode():
        context.configure(url=url, literal_binds=True)
        with context.begin_transaction():
            context.run_migrations()
    elif shared is not None:
        migrate(shared)
    else:
        engine = engine_from_config({"sqlalchemy.url": url}, poolclass=pool.NullPool)
        with engine.connect() as connection:
            migrate(connection)


main()
