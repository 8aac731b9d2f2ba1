"""What endpoints ask for."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Query
from fastapi.security import OAuth2PasswordBearer
from starlette.requests import HTTPConnection

from backend.core.database import Database, ReadSession, WriteSession
from backend.core.errors import UnauthenticatedError
from backend.core.security import Passwords
from backend.resources import Resources
from backend.services import auth_service
from backend.services.auth_service import Identity, TokenIssuer
from backend.services.signals import Signals


async def get_resources(connection: HTTPConnection) -> Resources:
    """Get what the lifespan opened, for requests and WebSockets alike."""
    return cast(Resources, connection.app.state.resources)


ResourcesDep = Annotated[Resources, Depends(get_resources)]


async def get_database(resources: ResourcesDep) -> Database:
    """Get the database, for what opens a session per step."""
    return resources.database


DatabaseDep = Annotated[Database, Depends(get_database)]


async def get_session(database: DatabaseDep) -> AsyncIterator[WriteSession]:
    """Open the request's transaction."""
    async with database.transaction() as session:
        yield session


# scope="function": the commit comes before the answer. By default it would come
# after, and a client would hold a 201 for a row that a failed commit took back.
# One alias, because the same dependency in two scopes would be two sessions.
SessionDep = Annotated[WriteSession, Depends(get_session, scope="function")]


async def get_read_session(database: DatabaseDep) -> AsyncIterator[ReadSession]:
    """Open a session for a request that changes nothing."""
    async with database.reading() as session:
        yield session


ReadSessionDep = Annotated[ReadSession, Depends(get_read_session, scope="function")]


async def get_passwords(resources: ResourcesDep) -> Passwords:
    """Get the password hasher."""
    return resources.passwords


async def get_token_issuer(resources: ResourcesDep) -> TokenIssuer:
    """Get what hands out tokens."""
    return resources.tokens


async def get_signals(resources: ResourcesDep) -> Signals:
    """Get the wake-ups."""
    return resources.signals


PasswordsDep = Annotated[Passwords, Depends(get_passwords)]
TokenIssuerDep = Annotated[TokenIssuer, Depends(get_token_issuer)]
SignalsDep = Annotated[Signals, Depends(get_signals)]

# auto_error=False: the optional user needs it, and our own 401 is a problem.
bearer_token = OAuth2PasswordBearer(
    tokenUrl="/api/v1/auth/login", refreshUrl="/api/v1/auth/refresh", auto_error=False
)
BearerToken = Annotated[str | None, Depends(bearer_token)]


async def get_optional_user(
    token: BearerToken, database: DatabaseDep, tokens: TokenIssuerDep
) -> Identity | None:
    """Get who calls; None without a token. A bad token is an error all the same.

    A session of its own, closed at once: an endpoint that waits for its turn to
    write does not keep a reader's connection meanwhile.
    """
    if token is None:
        return None
    claims = tokens.access_tokens.read(token)
    async with database.reading() as session:
        return await auth_service.identify(session, claims)


OptionalUser = Annotated[Identity | None, Depends(get_optional_user)]


async def get_current_user(identity: OptionalUser) -> Identity:
    """Get who calls, and refuse a call without a token."""
    if identity is None:
        raise UnauthenticatedError
    return identity


CurrentUser = Annotated[Identity, Depends(get_current_user)]


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which part of a list."""

    cursor: str | None
    limit: int


async def get_page_request(
    cursor: Annotated[
        str | None,
        Query(max_length=200, description="`next_cursor` of the page before"),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> PageRequest:
    """Read the paging parameters that all lists share."""
    return PageRequest(cursor, limit)


PageDep = Annotated[PageRequest, Depends(get_page_request)]
