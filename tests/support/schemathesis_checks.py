"""What schemathesis holds answers against besides its own checks. Imports nothing of ours."""

from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, Response
from schemathesis.specs.openapi.checks import positive_data_acceptance

# Sound requests that what is recorded does not allow: no description could tell.
ABOUT_WHAT_IS_THERE = ("changed-meanwhile", "idempotency-key-reused", "reference-missing")


@schemathesis.check
def taken_or_told_why(ctx: CheckContext, response: Response, case: Case[Any]) -> bool | None:
    """Let a request that the description allows be refused only for what is recorded."""
    if response.status_code in {412, 422}:
        kind: str = response.json()["type"]
        if kind.endswith(ABOUT_WHAT_IS_THERE):
            return None
    return positive_data_acceptance(ctx, response, case)
