"""Field types and shapes that several schemas share."""

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

MAX_ID = 2**63 - 1
Item = TypeVar("Item")


def _no_nul(value: str) -> str:
    # PostgreSQL cannot store it; SQLite can, and would then differ.
    if "\x00" in value:
        raise ValueError("must not contain a NUL character")
    return value


Id = Annotated[int, Field(ge=1, le=MAX_ID, examples=[1])]
NoNul = AfterValidator(_no_nul)
# The constraints stand before NoNul: behind a validator, min_length would see the
# text before it is stripped, and a blank name would pass.
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
    NoNul,
]
Description = Annotated[str, StringConstraints(max_length=1000), NoNul]


def _drop_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


def may_be_absent() -> Any:
    """Make a PATCH field that may be left out, and still may not be null.

    The default is never used: `exclude_unset` leaves the field out.
    """
    return Field(default=None, json_schema_extra=_drop_default)


class Request(BaseModel):
    """A request body: a misspelt field is an error, not silently ignored."""

    model_config = ConfigDict(extra="forbid")


class FromRow(BaseModel):
    """A response that is read from a table row."""

    model_config = ConfigDict(from_attributes=True)


class Page(BaseModel, Generic[Item]):
    """A part of a list. `next_cursor` asks for what follows; null ends the list."""

    items: list[Item]
    next_cursor: str | None = None


class FieldError(BaseModel):
    """One thing that is wrong with the request, and where."""

    loc: list[str | int] = Field(examples=[["body", "name"]])
    msg: str = Field(examples=["Field required"])
    type: str = Field(examples=["missing"])


class Problem(BaseModel):
    """An error, as RFC 9457 describes it."""

    type: str = Field(
        default="about:blank", examples=["urn:fastapi-patterns:problem:not-found"]
    )
    title: str = Field(examples=["Not found"])
    status: int = Field(examples=[404])
    detail: str | None = Field(default=None, examples=["There is no agent 7."])
    instance: str = Field(examples=["/api/v1/agents/7"])
    request_id: str | None = None
    errors: list[FieldError] | None = None


class Health(BaseModel):
    """The answer of a health check that passes."""

    status: Literal["ok"] = "ok"
