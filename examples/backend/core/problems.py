"""Every error answer, in one place: RFC 9457 problem details."""

import json
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Scope

from backend.core import errors
from backend.core.logging import request_id

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:fastapi-patterns:problem:"

# The first class that fits decides, so the special ones need no line of their own.
STATUS: dict[type[errors.DomainError], int] = {
    errors.NotFoundError: 404,
    errors.ConflictError: 409,
    errors.ForbiddenError: 403,
    errors.UnauthenticatedError: 401,
    errors.PreconditionFailedError: 412,
    errors.UnprocessableError: 422,
    errors.UnavailableError: 503,
}


class ProblemResponse(Response):
    """A problem as a response."""

    media_type = MEDIA_TYPE

    def render(self, content: Any) -> bytes:
        """Write ASCII only: a lone surrogate in a field name has no UTF-8."""
        return json.dumps(content).encode("ascii")


def problem(
    scope: Scope,
    status: int,
    detail: str | None = None,
    *,
    code: str | None = None,
    title: str | None = None,
    errors: Sequence[Mapping[str, Any]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> ProblemResponse:
    """Make the answer for an error."""
    body: dict[str, Any] = {
        "type": "about:blank" if code is None else TYPE_PREFIX + code,
        "title": title or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": scope["path"],
        "request_id": request_id.get(),
        "errors": errors,
    }
    present = {key: value for key, value in body.items() if value is not None}
    return ProblemResponse(present, status, headers)


def domain_problem(scope: Scope, error: errors.DomainError) -> ProblemResponse:
    """Make the answer for what a service raised."""
    status = next(code for kind, code in STATUS.items() if isinstance(error, kind))
    headers = {}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = "1"
    fields = None
    if isinstance(error, errors.UnprocessableError) and error.loc:
        fields = [{"loc": error.loc, "msg": error.detail, "type": error.code}]
    return problem(
        scope,
        status,
        error.detail,
        code=error.code,
        title=error.title,
        errors=fields,
        headers=headers,
    )


def add_problem_handlers(app: FastAPI) -> None:
    """Register a handler for each kind of error. What is left becomes a 500."""

    @app.exception_handler(errors.DomainError)
    async def domain(request: Request, error: errors.DomainError) -> Response:
        return domain_problem(request.scope, error)

    @app.exception_handler(RequestValidationError)
    async def validation(request: Request, error: RequestValidationError) -> Response:
        # Not `input`: it would send a password back, into logs and bug reports.
        # Not `ctx`: it may hold an exception, which is no JSON.
        fields = [
            {"loc": each["loc"], "msg": each["msg"], "type": each["type"]}
            for each in error.errors()
        ]
        return problem(
            request.scope,
            422,
            "The request does not have the documented form.",
            code="validation",
            title="Validation error",
            errors=fields,
        )

    # Starlette's class, which FastAPI's inherits: unknown routes and wrong methods
    # raise the parent.
    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        return problem(
            request.scope, error.status_code, error.detail, headers=error.headers
        )

    # No free connection, a lock that is held too long, a server that is gone.
    @app.exception_handler(PoolTimeoutError)
    @app.exception_handler(OperationalError)
    async def busy(request: Request, error: SQLAlchemyError) -> Response:
        logger.error("database unavailable", exc_info=error)
        unavailable = errors.UnavailableError("The database is busy. Try again.")
        return domain_problem(request.scope, unavailable)
