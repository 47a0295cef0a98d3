"""Where nothing runs: does somebody else hold the ports a boot would need?"""

import socket
from collections.abc import Iterator

from boot.doctor.evidence import Evidence
from boot.doctor.finding import Finding, bad

SECONDS = 1.0
PORTS = {"PORT": "EDGEPAAS_BIND", "EDGEPAAS_METRICS_PORT": "EDGEPAAS_METRICS_BIND"}


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Yield each port of ours on which somebody answers though nothing runs."""
    if evidence.alive:
        return
    for port, bind in PORTS.items():
        address = evidence.address(bind, port)
        if address and _taken(address):
            line = f"{address[0]}:{address[1]} ({port}) is taken: a boot could not listen there"
            advice = f"end what listens there (left by a boot that was killed?), or set {port}"
            yield bad("ports", line, advice)


def _taken(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=SECONDS).close()
    except OSError:
        return False
    return True
