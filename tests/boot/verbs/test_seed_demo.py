"""edgepaas seed-demo: becomes the application's module, or says why not."""

import pytest

from tests.support.native_boot import NativeBoot
from tests.support.operator import edgepaas

MODULE = "import os, sys; print('made', sys.argv[1:], os.environ['DATABASE_URL'][:6])"


@pytest.fixture
def shop(boot: NativeBoot) -> NativeBoot:
    """A boot of an application that has an example."""
    package = boot.directory / "shop"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "seed_demo.py").write_text(MODULE)
    boot.environment["EDGEPAAS_APP"] = "shop.asgi:application"
    return boot


def test_it_becomes_the_applications_own_module(shop: NativeBoot) -> None:
    done = edgepaas(shop.environment, "seed-demo")
    assert (done.status, done.out) == (0, "made [] sqlite\n")


def test_again_is_handed_on(shop: NativeBoot) -> None:
    assert edgepaas(shop.environment, "seed-demo", "--again").out == "made ['--again'] sqlite\n"


def test_it_refuses_in_production(shop: NativeBoot) -> None:
    more = {"ENVIRONMENT": "production", "DATABASE_URL": "postgresql://u@h/d"}
    done = edgepaas(shop.environment, "seed-demo", **more)
    assert (done.status, done.out) == (78, "")
    assert "no place there" in done.err


def test_an_application_without_an_example_says_so(boot: NativeBoot) -> None:
    done = edgepaas(boot.environment, "seed-demo", EDGEPAAS_APP="shop.asgi:application")
    assert done.status == 78
    assert "no module shop.seed_demo" in done.err


@pytest.mark.parametrize("words", [("--force",), ("--again", "--again"), ("nodes",)])
def test_other_words_are_a_usage_error(boot: NativeBoot, words: tuple[str, ...]) -> None:
    assert edgepaas(boot.environment, "seed-demo", *words).status == 64
