"""How Alembic reaches the database: on the connection that schema-bootstrap hands in."""

from alembic import context


def main() -> None:
    """Run the migrations, or print their SQL (`edgepaas migrate plan`)."""
    if context.is_offline_mode():
        context.configure(url=context.config.get_main_option("sqlalchemy.url"), literal_binds=True)
    else:
        connection = context.config.attributes["connection"]
        context.configure(
            connection=connection,
            transaction_per_migration=True,
            render_as_batch=connection.dialect.name == "sqlite",
        )
    with context.begin_transaction():
        context.run_migrations()


main()
