"""Accounts and tokens."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    EmailStr,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)

from backend.schemas.common import FromRow, Name, Request, may_be_absent

# One spelling of an address, or Ann@x.org and ann@x.org become two users.
Email = Annotated[EmailStr, AfterValidator(str.lower)]
# SecretStr keeps it out of logs, tracebacks and repr.
NewPassword = Annotated[SecretStr, Field(min_length=8, max_length=128)]
GivenPassword = Annotated[SecretStr, Field(min_length=1, max_length=128)]


class Registration(Request):
    """What a new user says."""

    email: Email = Field(examples=["ada@example.com"])
    password: NewPassword = Field(examples=["correct horse battery"])
    full_name: Name | None = Field(default=None, examples=["Ada Lovelace"])


class UserUpdate(Request):
    """What a user may change. A new password takes the current one."""

    full_name: Name | None = None
    password: NewPassword = may_be_absent()
    current_password: GivenPassword = may_be_absent()

    @model_validator(mode="after")
    def _passwords_come_together(self) -> Self:
        given = self.model_fields_set & {"password", "current_password"}
        if len(given) == 1:
            raise ValueError("password and current_password go together")
        return self


class UserRead(FromRow):
    """An account, without its password."""

    id: int
    email: str
    full_name: str | None
    created_at: datetime


class RefreshRequest(Request):
    """The refresh token of the last answer."""

    refresh_token: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class TokenPair(FromRow):
    """An access token to call with, and a refresh token to get the next pair."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105
    expires_in: int = Field(description="Seconds until the access token expires")
    refresh_token: str
