"""Blue/green: an older image meets a newer schema, a newer image meets older ones at work."""

from contextlib import closing

import pytest

from tests.support.shop import Shop, Store, lines, only_error

NEWER = {"EDGEPAAS_VERSION": "2.0", "EDGEPAAS_BUILD_ID": "f00"}
EXPAND = 'op.execute("ALTER TABLE customers ADD COLUMN d4 int")'
CONTRACT = 'op.execute("DROP TABLE orders")'
postgres = pytest.mark.postgres
both = pytest.mark.parametrize("database", ["file", pytest.param("postgres", marks=postgres)])


@pytest.fixture
def older(request: pytest.FixtureRequest, shop: Shop, database: str) -> Shop:
    """The image at c3, on a database that it brought there."""
    if database == "postgres":
        request.getfixturevalue("store")
    assert shop.step().status == 0
    return shop


def migrated_by_a_newer_image(shop: Shop, upgrade: str, min_reader: str | None) -> None:
    """Let an image at d4 migrate, then be the older one again."""
    shop.add("d4", "c3", upgrade, min_reader)
    result = shop.step(**NEWER)
    assert result.status == 0, result.output
    shop.without("d4.py")


@both
@pytest.mark.parametrize("policy", ["boot", "job", "off"])
def test_an_older_image_that_is_admitted_boots_and_says_so(older: Shop, policy: str) -> None:
    migrated_by_a_newer_image(older, EXPAND, "c3")
    result = older.step(EDGEPAAS_MIGRATE=policy)
    assert result.status == 0, result.output
    (line,) = lines(result)
    assert line["level"] == "INFO"
    assert "at d4, which image 2.0 (build f00) made; it admits images at c3" in line["message"]


@both
@pytest.mark.parametrize("min_reader", ["d4", None])
def test_one_that_is_not_is_76_and_told_which_image_to_start(
    older: Shop, min_reader: str | None
) -> None:
    migrated_by_a_newer_image(older, EXPAND, min_reader)
    result = older.step()
    assert result.status == 76
    message = only_error(result)["message"]
    assert "revision d4" in message
    assert "start image 2.0 (build f00) again" in message


@both
def test_a_file_or_database_created_by_a_newer_image_admits_as_a_migrated_one(
    shop: Shop, database: str, request: pytest.FixtureRequest
) -> None:
    if database == "postgres":
        request.getfixturevalue("store")
    migrated_by_a_newer_image(shop, "pass", "c3")
    assert shop.step().status == 0


@both
def test_a_step_by_somebody_else_s_hand_admits_nobody(older: Shop) -> None:
    older.add("d4", "c3", EXPAND, "c3")
    plain = older.run(
        "-c",
        "import os; from alembic import command; from alembic.config import Config; c = Config();"
        "c.set_main_option('script_location', 'shop:alembic');"
        "c.set_main_option('path_separator', 'os');"
        "c.set_main_option('sqlalchemy.url', os.environ['DATABASE_URL']);"
        "command.upgrade(c, 'head')",
    )
    assert plain.status == 0, plain.output
    older.without("d4.py")
    assert older.step().status == 76


@both
def test_a_migration_that_was_edited_since_it_ran_is_told_at_the_next(older: Shop) -> None:
    file = older.versions / "c3_email.py"
    file.write_text(file.read_text() + "\n# something else now\n")
    assert older.step().status == 0, "at head nobody looks"
    older.add("d4", "c3", EXPAND, "c3")
    result = older.step()
    assert result.status == 0, result.output
    (warning,) = (line for line in lines(result) if line["level"] == "WARNING")
    assert "migration c3 is not the file that ran here" in warning["message"]


@postgres
def test_a_contraction_waits_until_older_images_are_gone(shop: Shop, store: Store) -> None:
    assert shop.step().status == 0
    shop.add("d4", "c3", CONTRACT, "d4")
    with closing(store.server.connect(store.name)) as blue, blue.cursor() as cursor:
        cursor.execute("SET application_name = 'edgepaas/blue/c3/e99'")
        refused = shop.step()
        assert refused.status == 75
        message = only_error(refused)["message"]
        assert "slot blue at c3 (build e99)" in message
        assert "EDGEPAAS_MIGRATION_CONTRACT=force" in message
        assert store.revision() == "c3"
        assert "orders" in store.tables()
    assert shop.step().status == 0
    assert "orders" not in store.tables()


@postgres
def test_force_contracts_under_them_with_a_warning(shop: Shop, store: Store) -> None:
    assert shop.step().status == 0
    shop.add("d4", "c3", CONTRACT, "d4")
    with closing(store.server.connect(store.name)) as blue, blue.cursor() as cursor:
        cursor.execute("SET application_name = 'edgepaas/blue/c3/e99'")
        result = shop.step(EDGEPAAS_MIGRATION_CONTRACT="force")
    assert result.status == 0, result.output
    assert [line["level"] for line in lines(result)].count("WARNING") == 1
    assert store.revision() == "d4"


@postgres
def test_an_expansion_runs_under_them(shop: Shop, store: Store) -> None:
    assert shop.step().status == 0
    shop.add("d4", "c3", EXPAND, "c3")
    with closing(store.server.connect(store.name)) as blue, blue.cursor() as cursor:
        cursor.execute("SET application_name = 'edgepaas/blue/c3/e99'")
        assert shop.step().status == 0


@postgres
def test_a_min_reader_of_another_line_is_told_before_anything_runs(
    shop: Shop, store: Store
) -> None:
    shop.add("d4", "c3", EXPAND, "zz")
    result = shop.step()
    assert result.status == 76
    assert "d4 has min_reader = 'zz'" in only_error(result)["message"]
    assert store.tables() == set()
