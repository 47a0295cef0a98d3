"""A listening socket that refuses newcomers keeps those who are there, even half way in."""

import socket
from contextlib import closing
from pathlib import Path

import pytest

from boot import listeners

HALF_MADE = "03"
LOCAL = [("127.0.0.1", "tcp"), ("::1", "tcp6")]


@pytest.mark.parametrize(("address", "table"), LOCAL)
def test_connections_made_and_half_made_are_accepted_and_others_refused(
    address: str, table: str
) -> None:
    with closing(listeners.listen(address, 0)) as listener:
        where = listener.getsockname()[:2]
        with socket.create_connection(where, 5) as made:
            # So a handshake is not over for the server until something is sent.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 10)
            with socket.create_connection(where, 5) as half:
                assert HALF_MADE in states(table, where[1])
                listeners.refuse_newcomers(listener)
                with pytest.raises(ConnectionRefusedError):
                    socket.create_connection(where, 5)
                half.sendall(b"half")
                made.sendall(b"made")
                assert {said(listener), said(listener)} == {b"half", b"made"}


def said(listener: socket.socket) -> bytes:
    """Accept a connection and return what comes first."""
    listener.settimeout(5)
    client, _ = listener.accept()
    with client:
        return client.recv(9)


def states(table: str, port: int) -> set[str]:
    """Return the states of the sockets on a local port."""
    rows = [line.split() for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
    return {row[3] for row in rows if row[1].endswith(f":{port:04X}")}
