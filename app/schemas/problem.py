"""Errors, as the API tells them. Imports nothing of ours."""

from pydantic import BaseModel, Field


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str = Field(description="What kind of problem, as a stable name.")
    title: str
    status: int
    detail: str
    instance: str = Field(description="The path that was asked for.")
    request_id: str
    errors: list[dict[str, str]] | None = Field(
        default=None, description="For 422: each wrong value with `pointer` and `detail`."
    )
    state: str | None = Field(
        default=None, description="For 409: the state a deployment is in, where that is the reason."
    )
    allowed: list[str] | None = Field(
        default=None, description="For 409: the states a deployment can go to from there."
    )
