"""The application's own part of the contract: found through EDGEPAAS_APP, checked like ours."""

from pathlib import Path

import pytest

from boot.contract import ContractError, load
from boot.redact import Redactor
from tests.support.contract_root import ROOTFS, ContractRoot

KEYS = """
[groups]
shop = "The shop"
[variables.SHOP_KEYS]
group = "shop"
meaning = "Who may enter."
type = "list"
secret = true
pattern = "(in|out):([a-z]+:)?[a-z0-9/]{8,}"
form = "`role:key`, the key 8 letters or more"
required_in = ["production"]
"""
PRODUCTION = {"ENVIRONMENT": "production", "EDGEPAAS_DB_MODE": "sqlite"}


@pytest.fixture
def shop(tmp_path: Path) -> dict[str, str]:
    """The environment of an image whose application, shop, brings variables of its own."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/environment.toml").write_text(KEYS, encoding="utf-8")
    return {"EDGEPAAS_APP_DIR": str(tmp_path), "EDGEPAAS_APP": "shop.asgi:application"}


@pytest.fixture
def root(tmp_path: Path) -> ContractRoot:
    return ContractRoot(tmp_path / "root")


def test_the_variables_of_the_application_are_part_of_the_contract(shop: dict[str, str]) -> None:
    contract = load(ROOTFS, shop)
    assert contract.groups["shop"] == "The shop"
    assert contract.resolve({"SHOP_KEYS": "in:abcdefgh"}).problems == []
    (problem,) = contract.resolve(PRODUCTION).problems
    assert problem.variable == "SHOP_KEYS"
    assert problem.fix == "-e SHOP_KEYS_FILE=/run/secrets/SHOP_KEYS"


@pytest.mark.parametrize(
    "other", ["other.main:app", "main:app", "app.main:app", "no import string", "../shop:app"]
)
def test_another_application_is_not_asked_for_them(shop: dict[str, str], other: str) -> None:
    contract = load(ROOTFS, {**shop, "EDGEPAAS_APP": other})
    assert "SHOP_KEYS" not in contract.variables
    assert contract.resolve(PRODUCTION).problems == []


def test_our_application_asks_for_its_tokens_in_production_only() -> None:
    contract = load(ROOTFS, {"EDGEPAAS_APP_DIR": str(ROOTFS.parent)})
    assert contract.resolve({}).problems == []
    (problem,) = contract.resolve(PRODUCTION).problems
    assert problem.variable == "EDGEPAAS_API_TOKENS"


def test_what_is_wrong_in_the_applications_file_names_the_file(shop: dict[str, str]) -> None:
    file = Path(shop["EDGEPAAS_APP_DIR"], "shop/environment.toml")
    file.write_text("[variables.WEB_CONCURRENCY]\nmax = 1000\n", encoding="utf-8")
    with pytest.raises(
        ContractError, match=f"{file}: variables.WEB_CONCURRENCY max can only be tightened"
    ):
        load(ROOTFS, shop)


def test_an_image_may_tighten_what_the_application_declares(
    shop: dict[str, str], root: ContractRoot
) -> None:
    root.add("shop.toml", '[variables.SHOP_KEYS]\nrequired_in = ["staging", "production"]\n')
    contract = load(root.path, shop)
    (problem,) = contract.resolve({"ENVIRONMENT": "staging"}).problems
    assert problem.variable == "SHOP_KEYS"


def test_an_image_does_not_choose_the_application_in_a_file(root: ContractRoot) -> None:
    root.add("shop.toml", '[variables.EDGEPAAS_APP]\ndefault = "shop.asgi:application"\n')
    with pytest.raises(ContractError, match=r"EDGEPAAS_APP default cannot be changed here"):
        load(root.path, {})
    chosen = {"EDGEPAAS_APP": "shop.asgi:application"}
    assert load(root.path, chosen).lenient(chosen, "EDGEPAAS_APP") == chosen["EDGEPAAS_APP"]


@pytest.mark.parametrize(
    "given",
    ["in:aaaaaaaa,out:bbbbbbbb", "in:aaaaaaaa\nout:bbbbbbbb\n", " in:aaaaaaaa , out:bbbbbbbb"],
)
def test_entries_of_a_list_stand_between_commas_spaces_or_lines(
    shop: dict[str, str], given: str
) -> None:
    values = load(ROOTFS, shop).resolve({"SHOP_KEYS": given}).values
    assert values["SHOP_KEYS"] == "in:aaaaaaaa,out:bbbbbbbb"


@pytest.mark.parametrize(
    ("given", "which"),
    [
        ("in:aaaaaaaa,over:canarycanary,out:x", "has 3 entries, and number 2 must be `role:key`"),
        ("in:short", "must be `role:key`"),
        (",", "must be `role:key`"),
    ],
)
def test_a_wrong_entry_is_told_by_its_number_and_not_shown(
    shop: dict[str, str], given: str, which: str
) -> None:
    (problem,) = load(ROOTFS, shop).resolve({"SHOP_KEYS": given}).problems
    assert which in problem.what
    assert "canary" not in repr(problem)
    assert "short" not in repr(problem)


def test_a_wrong_pattern_is_told_where_it_is_used(shop: dict[str, str]) -> None:
    file = Path(shop["EDGEPAAS_APP_DIR"], "shop/environment.toml")
    file.write_text(KEYS.replace("(in|out)", "(in"), encoding="utf-8")
    contract = load(ROOTFS, shop)
    assert contract.resolve({}).problems == []
    (problem,) = contract.resolve({"SHOP_KEYS": "in:abcdefgh"}).problems
    assert "its pattern is wrong" in problem.what


@pytest.mark.parametrize("key", ["abcdefgh", "//abcdefgh"])
def test_each_secret_of_a_list_is_masked_alone_too(shop: dict[str, str], key: str) -> None:
    contract = load(ROOTFS, shop)
    secrets = contract.secret_values({"SHOP_KEYS": f"in:first-key-of-all\nout:bob:{key}"})
    mask = Redactor(secrets).mask
    assert mask(f"Bearer {key}.") == "Bearer ***."
    assert mask("first-key-of-all") == "***"
    assert mask("the word bob stays") == "the word bob stays"
