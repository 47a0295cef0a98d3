"""The bench's own PostgreSQL is one that containers reach, and says so where none can be had."""

import subprocess
from dataclasses import dataclass

import pytest

from scripts.bench import postgres
from scripts.console import Failure
from scripts.engine import Engine


@dataclass(frozen=True)
class Bridge(Engine):
    """An engine that has a bridge with these addresses and nothing else."""

    client: str = "docker"
    addresses: str = ""

    def run(self, *arguments: str, **_: object) -> subprocess.CompletedProcess[str]:
        """Answer `network inspect`."""
        assert arguments[:2] == ("network", "inspect")
        return subprocess.CompletedProcess(arguments, 0, self.addresses + "\n", "")


def test_address_of_the_bridge_that_is_this_machines_is_taken() -> None:
    """A bridge with IPv6 too has several; one that is not here cannot be listened on."""
    assert (
        postgres.gateway(Bridge(addresses="192.0.2.1 192.0.2.0/24 127.0.0.1 127.0.0.0/8 "))
        == "127.0.0.1"
    )


def test_bridge_whose_gateway_is_not_told_has_the_first_address_of_its_network() -> None:
    """Docker 20.10 tells it only after its second start."""
    assert postgres.gateway(Bridge(addresses=" 127.0.0.0/16 ")) == "127.0.0.1"


def test_bridge_on_another_machine_is_told() -> None:
    """A rootless engine's bridge, or one in a virtual machine, is not reachable from here."""
    with pytest.raises(Failure, match="containers cannot reach"):
        postgres.gateway(Bridge(addresses="192.0.2.1 "))


def test_server_takes_only_those_who_have_its_password() -> None:
    """It listens where any container reaches it."""
    with postgres.serving(Bridge(addresses="127.0.0.1")) as server:
        url = server.new_database("bench")
        assert url.endswith(f"@127.0.0.1:{server.port}/bench")
        assert server.execute("SELECT current_database()", "bench") == "bench"
        server.password = "another"
        assert not server.answers()
