"""What each type accepts, how it spells it, and what it suggests instead."""

from typing import Any

import pytest

from boot.contract_types import CHECKS, DESCRIPTIONS, InvalidError, check, describe
from boot.contract_variable import TYPES, Variable


def variable(kind: str, **options: Any) -> Variable:
    return Variable("NAME", kind, "")._replace(**options)


BOUNDED_INT = variable("int", min=1, max=64)
DURATION = variable("duration", min=0, max=60)
ENUM = variable("enum", choices=("json", "text"))


def refused(each: Variable, value: str) -> InvalidError:
    with pytest.raises(InvalidError) as caught:
        check(each, value)
    return caught.value


def test_every_type_has_a_check_and_a_description() -> None:
    assert CHECKS.keys() == TYPES
    assert DESCRIPTIONS.keys() | {"enum"} == TYPES


@pytest.mark.parametrize(("value", "normal"), [("1", "1"), ("064", "64"), ("+7", "7")])
def test_whole_numbers_lose_what_means_nothing(value: str, normal: str) -> None:
    assert check(BOUNDED_INT, value) == normal


@pytest.mark.parametrize("value", ["0", "65", "-1", "1.0", "abc", "1e1", "0x1", "٣", "9" * 5000])
def test_a_number_out_of_bounds_or_form_is_told_the_range(value: str) -> None:
    assert str(refused(BOUNDED_INT, value)) == "must be a whole number from 1 to 64"


@pytest.mark.parametrize("value", ["8 ", " 8", "8\n", "\t8"])
def test_spaces_around_a_number_are_pointed_out(value: str) -> None:
    assert "without spaces" in str(refused(BOUNDED_INT, value))


@pytest.mark.parametrize("value", ["0", "0.5", "60", "1.50"])
def test_seconds_may_have_a_fraction(value: str) -> None:
    assert check(DURATION, value) == value


@pytest.mark.parametrize("value", ["-0.1", "60.1", "inf", "nan", "1e1", ".5", "5.", "30s"])
def test_what_is_no_number_of_seconds_within_bounds_is_refused(value: str) -> None:
    assert "from 0 to 60" in str(refused(DURATION, value))


@pytest.mark.parametrize("value", ["1", "true", "TRUE", "yes", "On"])
def test_every_yes_becomes_1(value: str) -> None:
    assert check(variable("bool"), value) == "1"


@pytest.mark.parametrize("value", ["0", "false", "No", "off"])
def test_every_no_becomes_0(value: str) -> None:
    assert check(variable("bool"), value) == "0"


def test_neither_yes_nor_no_is_refused() -> None:
    refused(variable("bool"), "2")


def test_a_choice_may_be_written_in_capitals() -> None:
    assert check(ENUM, "JSON") == "json"


@pytest.mark.parametrize(("value", "near"), [("jsn", "json"), ("te", "text"), ("xyz", "")])
def test_the_nearest_choice_is_suggested(value: str, near: str) -> None:
    assert refused(ENUM, value).suggestion == near


def test_choices_are_told() -> None:
    assert describe(ENUM) == "json or text"


@pytest.mark.parametrize("value", ["1", "65535"])
def test_ports_go_from_1_to_65535(value: str) -> None:
    assert check(variable("port"), value) == value


@pytest.mark.parametrize("value", ["0", "65536", "80/tcp", "http"])
def test_what_is_no_port_is_refused(value: str) -> None:
    refused(variable("port"), value)


@pytest.mark.parametrize("value", ["0.0.0.0", "::", "127.0.0.1", "fe80::1"])
def test_addresses_are_of_either_family(value: str) -> None:
    assert check(variable("address"), value) == value


@pytest.mark.parametrize("value", ["*", "example.org", "1.2.3", "[::]", "0.0.0.0:80"])
def test_what_is_no_address_is_refused(value: str) -> None:
    refused(variable("address"), value)


def test_for_localhost_its_address_is_suggested() -> None:
    assert refused(variable("address"), "localhost").suggestion == "127.0.0.1"


@pytest.mark.parametrize(
    ("value", "normal"),
    [
        ("*", "*"),
        ("127.0.0.1", "127.0.0.1"),
        (" 10.0.0.0/8 , ::1, fd00::/8,", "10.0.0.0/8,::1,fd00::/8"),
    ],
)
def test_networks_are_a_list_without_spaces(value: str, normal: str) -> None:
    assert check(variable("cidr-list"), value) == normal


@pytest.mark.parametrize("value", [",", "*,10.0.0.0/8", "proxy", "10.0.0.0/33", "10.0.0.0-9"])
def test_what_is_no_network_is_refused(value: str) -> None:
    refused(variable("cidr-list"), value)


def test_for_an_address_with_a_length_the_network_is_suggested() -> None:
    error = refused(variable("cidr-list"), "::1,10.1.2.3/8")
    assert "'10.1.2.3/8'" in str(error)
    assert error.suggestion == "::1,10.0.0.0/8"


@pytest.mark.parametrize("value", ["data", "./data", "~/data", "/a\nb"])
def test_paths_are_absolute_and_on_one_line(value: str) -> None:
    refused(variable("path"), value)


@pytest.mark.parametrize("value", ["app:app", "shop.asgi:application", "a.b:C.d"])
def test_import_strings_name_module_and_attribute(value: str) -> None:
    assert check(variable("import-string"), value) == value


@pytest.mark.parametrize("value", ["app", "app:", ":app", "a/b:c", "app.main:app()", "a b:c"])
def test_what_is_no_import_string_is_refused(value: str) -> None:
    refused(variable("import-string"), value)


@pytest.mark.parametrize("value", ["app:migrations", "a.b:db/alembic"])
def test_package_paths_stay_inside_the_package(value: str) -> None:
    assert check(variable("package-path"), value) == value


@pytest.mark.parametrize("value", ["app:../x", "app:/x", "app:", "app", "app:a//b"])
def test_what_leaves_the_package_is_refused(value: str) -> None:
    refused(variable("package-path"), value)


@pytest.mark.parametrize("value", ["UTC", "Europe/Berlin", "America/Argentina/Ushuaia"])
def test_time_zones_go_by_their_iana_name(value: str) -> None:
    assert check(variable("timezone"), value) == value


@pytest.mark.parametrize("value", ["../../etc/passwd", "/etc/passwd", "Europe", "UTC+1", "\udcff"])
def test_what_is_no_time_zone_is_refused(value: str) -> None:
    refused(variable("timezone"), value)


@pytest.mark.parametrize(
    ("value", "zone"), [("europe/berln", "Europe/Berlin"), ("Berlin", "Europe/Berlin")]
)
def test_the_nearest_time_zone_is_suggested(value: str, zone: str) -> None:
    assert refused(variable("timezone"), value).suggestion == zone


@pytest.mark.parametrize(
    "value",
    [
        "postgres://u@h/d",
        "postgresql://u:p%40%25@h:5432/d?sslmode=require",
        "postgresql+psycopg2://u:p@h1:1,h2:2/d",
        "sqlite:////data/name.db",
    ],
)
def test_database_urls_pass_in_every_spelling_as_they_are(value: str) -> None:
    assert check(variable("database-url"), value) == value


@pytest.mark.parametrize(
    "value",
    ["mysql://u:canary@h/d", "canary", "postgresql://u:canary@h:port/d", "sqlite://:memory:canary"],
)
def test_what_is_no_database_url_of_ours_is_refused_without_showing_it(value: str) -> None:
    assert "canary" not in str(refused(variable("database-url"), value))


def test_a_database_url_of_other_bytes_than_utf8_is_refused() -> None:
    assert "not UTF-8" in str(refused(variable("database-url"), "postgresql://u:\udcff@h/d"))


def test_text_may_be_bounded_in_length() -> None:
    token = variable("string", min=8, max=10)
    assert check(token, "12345678") == "12345678"
    assert "at least 8" in str(refused(token, "1234567"))
    assert "at most 10 characters, not 11" in str(refused(token, "12345678901"))
