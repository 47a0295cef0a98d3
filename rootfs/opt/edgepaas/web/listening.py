"""Whether web can listen where it is told to. Imports nothing of ours."""

import socket
from collections.abc import Iterable


class CannotListen(Exception):  # noqa: N818 (it reads as what happened)
    """Nothing can listen on an address; says why and what to set."""


def check(addresses: Iterable[tuple[str, int]]) -> None:
    """Raise CannotListen for the first address that cannot be bound.

    gunicorn would try for five seconds and then not say which setting to change.
    """
    for host, port in addresses:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except (OSError, OverflowError) as error:
                reason = getattr(error, "strerror", None) or error
                raise CannotListen(
                    f"cannot listen on {host} port {port}: {reason}; "
                    "set PORT to a free port above 1023, EDGEPAAS_BIND to an address of this host"
                ) from None
