import pytest

from app.settings import SettingsError, database_url, load


def test_an_empty_environment_means_a_sqlite_file_here_that_we_may_create() -> None:
    settings = load({})
    assert settings.database_url == "sqlite:///edgepaas.db"
    assert settings.creates_schema
    assert settings.database_backend == "sqlite"


def test_the_sqlite_file_stands_in_the_data_directory() -> None:
    assert load({"EDGEPAAS_DATA_DIR": "/data"}).database_url == "sqlite:////data/edgepaas.db"


def test_a_given_database_is_never_given_a_schema_by_the_app() -> None:
    assert not load({"DATABASE_URL": "sqlite:////data/edgepaas.db"}).creates_schema


def test_an_empty_variable_counts_as_unset() -> None:
    assert load({"DATABASE_URL": "", "SLOT": "", "TZ": ""}) == load({})


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_every_spelling_of_a_postgresql_url_gets_our_driver(scheme: str) -> None:
    settings = load({"DATABASE_URL": f"{scheme}://u:p%40@h:1/d?sslmode=require"})
    assert settings.database_url == "postgresql+psycopg2://u:p%40@h:1/d?sslmode=require"
    assert settings.database_backend == "postgres"


@pytest.mark.parametrize("url", ["garbage", "mysql://u:hunter2@h/d", "postgresql+asyncpg://h/d"])
def test_a_url_without_a_driver_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(SettingsError, match="DATABASE_URL") as raised:
        database_url(url)
    assert "hunter2" not in str(raised.value)


def test_the_settings_do_not_show_the_database_password() -> None:
    assert "hunter2" not in repr(load({"DATABASE_URL": "postgresql://u:hunter2@h/d"}))


def test_the_connections_name_carries_slot_and_build_within_63_bytes() -> None:
    settings = load({"SLOT": "green", "EDGEPAAS_BUILD_ID": "f" * 80})
    assert settings.application_name == ("edgepaas-green-" + "f" * 80)[:63]


def test_a_name_that_libpq_was_given_is_kept() -> None:
    settings = load({"SLOT": "green", "PGAPPNAME": "edgepaas/green/0001/abc"})
    assert settings.application_name == "edgepaas/green/0001/abc"


def test_what_the_image_decided_is_taken_over() -> None:
    settings = load(
        {
            "EDGEPAAS_RUN_DIR": "/run/edgepaas",
            "EDGEPAAS_DB_FALLBACK_ACTIVE": "1",
            "EDGEPAAS_DB_REASON": "connection refused",
        }
    )
    assert str(settings.drain_file) == "/run/edgepaas/draining"
    assert settings.fallback_active
    assert settings.database_reason == "connection refused"
