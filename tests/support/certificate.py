"""A certificate of its own for a test's PostgreSQL server."""

import os
import subprocess
from pathlib import Path

from tests.support.postgres import PostgresServer


def give_certificate(server: PostgresServer) -> Path:
    """Make key and certificate, for the name localhost, where the server looks for them.

    Returns the certificate's path. The server has `ssl=on` and is not running yet.
    """
    key, certificate = server.data / "server.key", server.data / "server.crt"
    subprocess.run(
        ["openssl", "req", "-new", "-x509", "-nodes", "-subj", "/CN=localhost", "-days", "2",
         "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )  # fmt: skip
    owner = server.data.stat()
    for path in (key, certificate):
        path.chmod(0o600)
        if os.geteuid() == 0:
            os.chown(path, owner.st_uid, owner.st_gid)
    return certificate
