"""The seed's /tmp/db_env.sh: `export NAME=value` lines for people and scripts to source.

Nothing of ours reads it. It stands where anybody may write, so it is replaced by a rename:
a link or a file put there by somebody else is never opened.
"""

import os
import shlex
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def write(path: Path, values: Mapping[str, str]) -> None:
    """Write the exports, readable by us alone. Raises OSError."""
    text = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())
    temporary = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    descriptor = os.open(temporary, NEW_FILE, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.fsencode(text))
        temporary.replace(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise
