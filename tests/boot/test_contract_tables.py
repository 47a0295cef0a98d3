"""environment.d: what a derived image may add and change, and how its mistakes are told."""

from pathlib import Path

import pytest

from boot.contract import ContractError, load
from tests.support.contract_root import CONTRACT, ContractRoot


@pytest.fixture
def root(tmp_path: Path) -> ContractRoot:
    return ContractRoot(tmp_path)


def faults(root: ContractRoot) -> list[str]:
    with pytest.raises(ContractError) as caught:
        load(root.path)
    return caught.value.faults


def test_a_derived_image_adds_a_variable(root: ContractRoot) -> None:
    root.add("10-shop.toml", '[variables.SHOP_NAME]\nmeaning = "The sign."\ntype = "string"')
    contract = load(root.path)
    assert contract.resolve({"SHOP_NAME": "Emporium"}).values["SHOP_NAME"] == "Emporium"
    assert contract.groups[contract.variables["SHOP_NAME"].group]


def test_a_derived_image_requires_a_variable_in_some_environments(root: ContractRoot) -> None:
    table = 'meaning = "x"\ntype = "string"\nsecret = true\nrequired_in = ["production"]\n'
    root.add("shop.toml", f"[variables.SHOP_KEY]\n{table}")
    contract = load(root.path)
    assert contract.resolve({}).problems == []
    environ = {"ENVIRONMENT": "production", "EDGEPAAS_DB_MODE": "sqlite"}
    (problem,) = contract.resolve(environ).problems
    assert problem.variable == "SHOP_KEY"


def test_a_derived_image_changes_a_default_and_the_last_file_wins(root: ContractRoot) -> None:
    root.add("10-a.toml", "[variables.WEB_CONCURRENCY]\ndefault = 3")
    root.add("20-b.toml", "[variables.WEB_CONCURRENCY]\ndefault = 4")
    assert load(root.path).resolve({}).values["WEB_CONCURRENCY"] == "4"


def test_a_derived_image_tightens_bounds_and_choices(root: ContractRoot) -> None:
    root.add("a.toml", "[variables.WEB_CONCURRENCY]\nmax = 4")
    root.add("b.toml", '[variables.EDGEPAAS_DB_MODE]\nchoices = ["postgres"]\ndefault = "postgres"')
    contract = load(root.path)
    found = contract.resolve({"WEB_CONCURRENCY": "5", "EDGEPAAS_DB_MODE": "sqlite"}).problems
    assert [problem.variable for problem in found] == ["WEB_CONCURRENCY", "EDGEPAAS_DB_MODE"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[variables.WEB_CONCURRENCY]\nmax = 1000", "max can only be tightened (it is 128)"),
        ("[variables.WEB_CONCURRENCY]\nmin = 0", "min can only be tightened (it is 1)"),
        ('[variables.LOG_FORMAT]\nchoices = ["json", "xml"]', "choices can only be fewer"),
        ('[variables.PORT]\ntype = "string"', "type cannot be changed"),
        ("[variables.DATABASE_URL]\nsecret = false", "secret cannot be changed"),
        ("[variables.PORT]\ndefault = 0", "default '0' must be a port"),
        ("[variables.PORT]\ndefault = [1]", "default must be"),
        ('[variables.PORT]\nmin = "1"', "min must be a number"),
        ("[variables.PORT]\nmeaning = 1", "meaning must be a string"),
        ("[variables.PORT]\ndefualt = 1", "defualt is not known here"),
        ('[variables.SHOP]\ntype = "string"', "meaning is missing"),
        ('[variables.SHOP]\nmeaning = "x"', "type is missing"),
        ('[variables.SHOP]\nmeaning = "x"\ntype = "text"', "type must be one of"),
        ('[variables.SHOP]\nmeaning = "x"\ntype = ["int"]', "type must be one of"),
        ('[variables.SHOP]\nmeaning = "x"\ntype = "enum"', "choices is missing"),
        ('[variables.SHOP]\nmeaning = "x"\ntype = "int"\nsecret = 1', "secret must be true or"),
        ('[variables.SHOP]\nmeaning = "x"\ntype = "int"\ngroup = "s"', "group 's' has no title"),
        ('[variables.shop]\nmeaning = "x"\ntype = "int"', "'shop' cannot be a variable's name"),
        ('[variables."A B"]\nmeaning = "x"\ntype = "int"', "'A B' cannot be a variable's name"),
        ("variables = 1", "variables must be tables"),
        ("[variables]\nPORT = 1", "variables.PORT must be a table"),
        ("[variable.PORT]\ndefault = 1", "variable is not known here"),
        ("groups = 1", "groups must be a table of titles"),
        ("[[[", "is not valid TOML"),
    ],
)
def test_a_mistake_is_told_with_file_and_key(root: ContractRoot, text: str, fault: str) -> None:
    path = root.add("mine.toml", text)
    found = faults(root)
    assert any(line.startswith(str(path)) and fault in line for line in found), found


def test_every_mistake_of_every_file_is_told_at_once(root: ContractRoot) -> None:
    root.add("a.toml", "[[[")
    root.add("b.toml", "[variables.PORT]\nmaxx = 1\nmeaning = 2")
    root.add("c.toml", "[variables.TZ]\ndefault = 'Nowhere'")
    assert len(faults(root)) == 4


def test_a_file_that_is_not_utf8_is_told(root: ContractRoot) -> None:
    root.add("a.toml", "").write_bytes(b'[variables.PORT]\nmeaning = "\xff"')
    assert "a.toml is not valid TOML" in faults(root)[0]


def test_files_with_another_ending_are_passed_over(root: ContractRoot) -> None:
    root.add("mine.toml.disabled", "[[[")
    load(root.path)


def test_a_missing_contract_is_told_with_its_path(root: ContractRoot) -> None:
    (root.path / CONTRACT).unlink()
    assert faults(root) == [f"{root.path / CONTRACT} cannot be read (No such file or directory)"]
