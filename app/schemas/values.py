"""Values that several resources have, and examples of them. Imports nothing of ours."""

from typing import Annotated

from pydantic import Field, StringConstraints

NAME = r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$"
# One line of text: no control characters, so no NUL, which PostgreSQL refuses.
Line = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=255)]
Name = Annotated[str, StringConstraints(pattern=NAME, max_length=63)]
Cursor = Annotated[
    str | None, Field(description="Send it as `cursor` for what follows; null on the last page.")
]

EXAMPLE_ID = "0198c5d2-7b1e-7c3a-9f00-5b3c1d2e4f60"
EXAMPLE_SERVICE_ID = "0198c5d2-8a44-7d15-8000-6c1f0e9d8b7a"
EXAMPLE_RELEASE_ID = "0198c5d2-9c03-7e21-a100-4d3c2b1a0f9e"
EXAMPLE_DEPLOYMENT_ID = "0198c5d3-0b57-7f3e-b200-3e2d1c0b9a8f"
EXAMPLE_EVENT_ID = "0198c5d3-0b58-7111-8f00-0a1b2c3d4e5f"
EXAMPLE_TIME = "2026-11-24T00:31:02.123456Z"
