"""Ports that are free right now. Imports nothing of ours."""

import socket


def free_port(host: str = "127.0.0.1") -> int:
    """Return a TCP port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
