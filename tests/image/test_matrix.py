"""Whoever it runs as, and however it is locked in: it boots, serves and keeps its data."""

import uuid
from collections.abc import Iterator

import pytest

from scripts.engine import Engine
from tests.support import nodes
from tests.support.image_fixtures import Run
from tests.support.inside import processes

# `--user`, and the uid the processes have: plain, hardened
USERS = {
    "10001:0": (10001, 10001),
    "10001:10001": (10001, 10001),
    "54321:0": (54321, 54321),
    "0:0": (10001, 0),
}
ONE_WORKER = {"WEB_CONCURRENCY": "1"}


@pytest.fixture
def volume(docker: Engine) -> Iterator[str]:
    """A named volume. To be asked for before `run`: it is removed after the containers."""
    name = f"edgepaas-test-{uuid.uuid4().hex[:12]}"
    docker.output("volume", "create", name)
    yield name
    docker.output("volume", "rm", name)


@pytest.mark.parametrize("hardened", [False, True], ids=["plain", "hardened"])
@pytest.mark.parametrize("user", USERS)
def test_it_boots_serves_and_keeps_a_row_for_the_next_container(
    volume: str, run: Run, image: str, user: str, hardened: bool
) -> None:
    settings = {"user": user, "read_only": hardened, "data": f"{volume}:/data", "env": ONE_WORKER}
    first = run(image, **settings).ready()
    assert {each.uid for each in processes(first).values()} == {USERS[user][hardened]}
    assert first.http("/").status == 200
    nodes.add(first, "kept")
    assert first.stop()[0] == 0
    second = run(image, **settings).ready()
    assert nodes.names(second) == ["kept"]


def test_the_next_container_may_run_as_another_user_of_group_root(
    volume: str, run: Run, image: str
) -> None:
    settings = {"data": f"{volume}:/data", "env": ONE_WORKER}
    first = run(image, user="10001:0", **settings).ready()
    nodes.add(first, "first")
    assert first.stop()[0] == 0
    second = run(image, user="54321:0", **settings).ready()
    nodes.add(second, "second")
    assert nodes.names(second) == ["first", "second"]


def test_data_that_root_left_is_taken_over(volume: str, run: Run, image: str) -> None:
    settings = {"data": f"{volume}:/data", "env": ONE_WORKER}
    first = run(image, user="0:0", **settings).ready()
    nodes.add(first, "of-root")
    assert first.stop()[0] == 0
    second = run(image, user="0:0", read_only=False, **settings).ready()
    assert nodes.names(second) == ["of-root"]
    assert {each.uid for each in processes(second).values()} == {10001}


@pytest.mark.parametrize("option", ["--tty", "--init", "--pid=host"])
def test_it_boots_with_a_terminal_an_init_or_the_hosts_pids(
    run: Run, image: str, option: str
) -> None:
    container = run(image, env=ONE_WORKER, options=[option]).ready()
    assert container.http("/").status == 200
    assert container.stop()[0] == 0
