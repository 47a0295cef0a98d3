"""Which environments mean one SQLite file for both slots."""

from pathlib import Path

import pytest

from scripts.bluegreen.database import environment, is_embedded

URL = "postgresql://u:p@127.0.0.1/d"


@pytest.mark.parametrize(
    ("env", "embedded"),
    [
        ({}, True),
        ({"ENVIRONMENT": "production"}, True),
        ({"EDGEPAAS_DB_MODE": "sqlite", "DATABASE_URL": URL}, True),
        ({"DATABASE_URL": "sqlite:////data/x.db"}, True),
        ({"DATABASE_URL": URL}, False),
        ({"DATABASE_URL_FILE": "/run/secrets/url"}, False),
        ({"EDGEPAAS_DB_MODE": "postgres"}, False),
        ({"EDGEPAAS_DB_MODE": "auto", "DATABASE_URL": URL}, False),
    ],
)
def test_a_file_is_served_where_no_postgresql_is_named(env: dict[str, str], embedded: bool) -> None:
    assert is_embedded(env) is embedded


def test_the_environment_is_the_image_s_then_the_file_s_then_the_options(tmp_path: Path) -> None:
    file = tmp_path / "service.env"
    file.write_text("A=file\nB=file\n")
    found = environment(
        {"A": "image", "C": "image"}, file, ("--env=B=option", "-e", "D=next", "--memory=1g")
    )
    assert found == {"A": "file", "B": "option", "C": "image", "D": "next"}
