"""POST requests that may be sent twice and are done once."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Request
from pydantic import BaseModel
from starlette.responses import Response

from backend.api.deps import CurrentUser, SessionDep
from backend.api.responses import json_response
from backend.core.database import WriteSession
from backend.services import idempotency
from backend.services.idempotency import Answer

KEPT_HEADERS = ("location", "etag")


@dataclass(frozen=True, slots=True)
class Idempotent:
    """Does the work of a request once per key, in the request's transaction."""

    session: WriteSession
    user_id: int
    key: str | None
    target: str

    async def __call__(
        self, data: BaseModel, work: Callable[[], Awaitable[Response]]
    ) -> Response:
        """Do the work, or give the answer that it had the first time."""
        if self.key is None:
            return await work()
        request = f"{self.target}\n{data.model_dump_json()}"
        claimed = await idempotency.claim(self.session, self.user_id, self.key, request)
        if claimed.replay is not None:
            headers = {**claimed.replay.headers, "Idempotency-Replayed": "true"}
            return json_response(claimed.replay.body, claimed.replay.status, headers)
        response = await work()
        kept = {k: v for k, v in response.headers.items() if k in KEPT_HEADERS}
        body = bytes(response.body).decode()
        answer = Answer(response.status_code, body, kept)
        await idempotency.keep(self.session, claimed, answer)
        return response


async def get_idempotent(
    request: Request,
    session: SessionDep,
    identity: CurrentUser,
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=255,
            description="The same key again gives the same answer, and does nothing",
        ),
    ] = None,
) -> Idempotent:
    """Read the key. Each user has keys of their own."""
    # Not request.url: that is made from the Host header, which may be anything.
    target = f"{request.method} {request.scope['path']}"
    return Idempotent(session, identity.user.id, key, target)


IdempotentDep = Annotated[Idempotent, Depends(get_idempotent)]
