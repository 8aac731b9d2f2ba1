"""Answers that are made once: serialised here, with their ETag."""

import hashlib
from collections.abc import Mapping

from fastapi import Request
from pydantic import BaseModel
from starlette.responses import Response

from backend.core.errors import PreconditionFailedError


def etag_of(body: str) -> str:
    """Make a strong entity tag: it changes when any byte of the answer does.

    A version number would miss what an agent shows of others: a subagent's name.
    """
    return f'"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'


def json_response(
    body: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Send JSON that has been made already."""
    return Response(body, status, headers, media_type="application/json")


def with_etag(
    model: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Send a model with its entity tag."""
    body = model.model_dump_json()
    return json_response(body, status, {**(headers or {}), "ETag": etag_of(body)})


def not_modified_or(request: Request, response: Response) -> Response:
    """Answer 304 if the client has this very version (If-None-Match)."""
    if _names(request, "if-none-match", response.headers["etag"], weak=True):
        headers = {"ETag": response.headers["etag"]}
        return Response(status_code=304, headers=headers)
    return response


def check_if_match(request: Request, current: BaseModel) -> None:
    """Refuse a change of another version than the one the client saw (If-Match)."""
    if "if-match" not in request.headers:
        return
    if not _names(request, "if-match", etag_of(current.model_dump_json()), weak=False):
        raise PreconditionFailedError("It has changed since you read it.")


def _names(request: Request, header: str, etag: str, *, weak: bool) -> bool:
    listed = ",".join(request.headers.getlist(header)).split(",")
    tags = {tag.strip().removeprefix("W/" if weak else "") for tag in listed}
    return "*" in tags or etag in tags
