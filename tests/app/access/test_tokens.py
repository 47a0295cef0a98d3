import re

import pytest

from app.access import tokens
from app.access.tokens import ENTRY, Actor, TokensError, parse
from boot.contract import load
from tests.app.conftest import ROOT

LONG = "0123456789abcdef"


def test_the_app_and_the_contract_ask_for_the_same_form() -> None:
    contract = load(ROOT / "rootfs", {"EDGEPAAS_APP_DIR": str(ROOT)})
    assert contract.variables["EDGEPAAS_API_TOKENS"].pattern == ENTRY


@pytest.mark.parametrize(
    ("text", "shown", "actor"),
    [
        (f"read:{LONG}", LONG, Actor("read", "read")),
        (f"write:ci:{LONG}", LONG, Actor("ci", "write")),
        (f"read:a:{LONG}1\nwrite:b:{LONG}2\n", f"{LONG}2", Actor("b", "write")),
        (f" read:a:{LONG}1 , write:b:{LONG}2", f"{LONG}1", Actor("a", "read")),
        (f"write:k8s.prod_1-x:{LONG}+/~._-==", f"{LONG}+/~._-==", Actor("k8s.prod_1-x", "write")),
    ],
)
def test_a_token_leads_to_its_holder(text: str, shown: str, actor: Actor) -> None:
    found = parse(text).find(shown.encode())
    assert found
    assert found.actor == actor


@pytest.mark.parametrize(
    "entry",
    [
        "write:short",
        LONG,
        f"admin:{LONG}",
        f"write:a b:{LONG}",
        f"write:ci:{LONG}:x",
        f"WRITE:{LONG}",
        f"write:ci:{LONG}é",
        f"write:{'n' * 33}:{LONG}",
        f"write::{LONG}",
        f"write:ci:{'x' * 259}",
    ],
)
def test_what_is_no_token_is_told_by_its_number_and_not_shown(entry: str) -> None:
    with pytest.raises(TokensError, match=r"entry 2 of ") as caught:
        parse(f"read:{LONG}2,{entry}")
    assert LONG not in str(caught.value)


@pytest.mark.parametrize(
    "shown", [b"", b"x", LONG.encode() + b" ", LONG[:-1].encode(), b"\xff" * 9]
)
def test_anything_else_leads_to_nobody(shown: bytes) -> None:
    assert parse(f"write:{LONG}").find(shown) is None


def test_of_two_roles_for_one_token_the_stronger_holds_in_either_order() -> None:
    for text in (f"read:{LONG},write:{LONG}", f"write:{LONG},read:{LONG}"):
        found = parse(text).find(LONG.encode())
        assert found
        assert found.actor.role == "write"


def test_nothing_that_is_kept_shows_a_token() -> None:
    held = vars(parse(f"write:ci:{LONG}"))
    assert LONG not in repr(held)
    assert not [each for each in re.findall(r"[\x20-\x7e]{8,}", repr(held)) if "9abcdef" in each]


@pytest.mark.parametrize("count", [1, 500])
def test_to_find_a_token_takes_one_hash_however_many_there_are(
    monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    held = parse(",".join(f"write:{LONG}{number}" for number in range(count)))
    hashed: list[bytes] = []
    digest = tokens.digest

    def counted(text: bytes) -> bytes:
        hashed.append(text)
        return digest(text)

    monkeypatch.setattr(tokens, "digest", counted)
    for shown in (f"{LONG}0".encode(), b"wrong"):
        held.find(shown)
    assert hashed == [f"{LONG}0".encode(), b"wrong"]
