"""Live events of an execution over a WebSocket, which can also cancel it."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

from anyio import Lock, create_task_group, fail_after
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import ValidationError

from backend.api.deps import ResourcesDep
from backend.api.v1.executions import After, ExecutionId
from backend.core.errors import (
    AlreadyFinishedError,
    NotFoundError,
    UnauthenticatedError,
)
from backend.resources import Resources
from backend.schemas.execution import Authenticate, Cancel, EventRead, client_message
from backend.services import auth_service, execution_service
from backend.services.auth_service import Identity
from backend.services.watching import watch

logger = logging.getLogger(__name__)
router = APIRouter()

SUBPROTOCOL = "bearer"
MAX_MESSAGE = 16 * 1024
MAX_MESSAGES = 100


class Close(NamedTuple):
    """How a connection ends."""

    code: int
    reason: str


DONE = Close(1000, "The execution is finished.")
NOT_TEXT = Close(1003, "Send JSON as text.")
TOO_MANY = Close(1008, "There were too many messages.")
TOO_LONG = Close(1009, "The message is too long.")
FAILED = Close(1011, "Something went wrong on our side.")
RESTART = Close(1012, "The server restarts. Connect again with `after`.")
NOT_FOUND = Close(4404, "There is no such execution.")


def unauthenticated(reason: str) -> Close:
    """End a connection whose caller is not known: 1008, policy violation."""
    return Close(1008, reason)


class Closing(Exception):  # noqa: N818 - not an error, a way out
    """Raised to end the connection."""

    def __init__(self, close: Close) -> None:
        super().__init__(close.reason)
        self.close = close


@router.websocket("/ws/executions/{execution_id}")
async def watch_execution(
    socket: WebSocket,
    execution_id: ExecutionId,
    resources: ResourcesDep,
    after: After = 0,
) -> None:
    """Send the events after a sequence number, then new ones, and close."""
    # No session here: as a dependency it would be open for the socket's whole life.
    await Conversation(socket, resources, execution_id, after, Lock()).run()


@dataclass
class Conversation:
    """One connection: who it is, what it is told, and what it asks."""

    socket: WebSocket
    resources: Resources
    execution_id: int
    after: int
    sending: Lock

    async def run(self) -> None:
        """Talk until one side ends it."""
        close = await self._outcome(self._talk)
        if close is not None:
            await self._outcome(lambda: self._close(close))

    async def _talk(self) -> Close | None:
        token = await self._accept()
        identity = await self._identify(token or await self._first_message())
        async with self.resources.database.reading() as session:
            await execution_service.get_execution(
                session, identity.user.id, self.execution_id
            )
        return await self._first_of(
            lambda: self._tell(identity), lambda: self._listen(identity)
        )

    async def _accept(self) -> str | None:
        """Accept, and get the token if it came as `["bearer", token]`.

        A browser cannot set headers here, and a token in the URL would be logged.
        Accept first, even what will be refused: a refused handshake has no code.
        """
        offered: list[str] = self.socket.scope.get("subprotocols", [])
        if SUBPROTOCOL not in offered:
            await self.socket.accept()
            return None
        await self.socket.accept(subprotocol=SUBPROTOCOL)
        tokens = [each for each in offered if each != SUBPROTOCOL]
        if len(tokens) != 1:
            raise Closing(unauthenticated("Offer two subprotocols: bearer, token."))
        return tokens[0]

    async def _first_message(self) -> str:
        try:
            with fail_after(self.resources.settings.authentication_timeout_seconds):
                message = await self._receive()
        except TimeoutError:
            raise Closing(unauthenticated("No token came in time.")) from None
        except ValidationError:
            message = None
        if not isinstance(message, Authenticate):
            raise Closing(unauthenticated("The first message must authenticate."))
        if message.after is not None:
            self.after = message.after
        return message.token

    async def _identify(self, token: str) -> Identity:
        claims = self.resources.tokens.access_tokens.read(token)
        async with self.resources.database.reading() as session:
            return await auth_service.identify(session, claims)

    async def _tell(self, identity: Identity) -> Close:
        pages = watch(
            self.resources.database,
            self.resources.signals,
            identity,
            self.execution_id,
            after=self.after,
            poll_seconds=self.resources.settings.poll_seconds,
        )
        async for page in pages:
            for event in page:
                await self._send(EventRead.model_validate(event).model_dump_json())
        return RESTART if self.resources.signals.closed else DONE

    async def _listen(self, identity: Identity) -> Close:
        for _ in range(MAX_MESSAGES):
            if refused := await self._obey(identity):
                await self._send_error(refused)
        return TOO_MANY

    async def _obey(self, identity: Identity) -> str | None:
        """Do what the next message asks; give the error's code if it cannot be."""
        try:
            if not isinstance(await self._receive(), Cancel):
                return "already-authenticated"
            async with self.resources.database.transaction() as session:
                await execution_service.cancel_execution(
                    session, self.resources.signals, identity.user.id, self.execution_id
                )
        except ValidationError:
            return "bad-message"
        except AlreadyFinishedError as error:
            return error.code
        return None

    async def _receive(self) -> Authenticate | Cancel:
        # Not receive_text: it fails with a KeyError on a binary message.
        message = await self.socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        text = message.get("text")
        if text is None:
            raise Closing(NOT_TEXT)
        if len(text) > MAX_MESSAGE:
            raise Closing(TOO_LONG)
        return client_message.validate_json(text)

    async def _send(self, text: str) -> None:
        # Two tasks send, one at a time; a client that does not read ends it.
        with fail_after(self.resources.settings.send_timeout_seconds):
            async with self.sending:
                await self.socket.send_text(text)

    async def _send_error(self, code: str) -> None:
        await self._send(f'{{"type":"error","code":"{code}"}}')

    async def _close(self, close: Close) -> Close | None:
        with fail_after(self.resources.settings.send_timeout_seconds):
            await self.socket.close(close.code, close.reason)
        return None

    async def _first_of(
        self, *steps: Callable[[], Awaitable[Close | None]]
    ) -> Close | None:
        """Do all at once; the first that ends decides, and ends the others."""
        outcomes: list[Close | None] = []
        async with create_task_group() as tasks:

            async def race(step: Callable[[], Awaitable[Close | None]]) -> None:
                outcomes.append(await self._outcome(step))
                tasks.cancel_scope.cancel()

            for step in steps:
                tasks.start_soon(race, step)
        return outcomes[0]

    async def _outcome(
        self, step: Callable[[], Awaitable[Close | None]]
    ) -> Close | None:
        """Do a step, and turn any failure into how the connection ends.

        None when there is nobody left to tell.
        """
        try:
            return await step()
        except (WebSocketDisconnect, TimeoutError):
            return None
        except Closing as closing:
            return closing.close
        except UnauthenticatedError as error:
            return unauthenticated(error.detail)
        except NotFoundError:
            return NOT_FOUND
        except Exception:
            logger.exception("connection failed")
            return FAILED
