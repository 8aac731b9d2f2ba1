"""Middleware as plain ASGI: no task of its own, context variables stay, streams flow.

(Starlette's BaseHTTPMiddleware puts the application in another task and copies
every body through a stream.)
"""

import logging
import re
import time
from collections.abc import Sequence
from uuid import uuid4

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.core.logging import request_id
from backend.core.problems import problem

access_log = logging.getLogger("backend.access")
error_log = logging.getLogger("backend.error")

_SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


class RequestContext:
    """Gives each request an id, echoes it, and logs one line when it is done."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application within the request's context."""
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        given = Headers(scope=scope).get("x-request-id", "")
        id_ = given if _SANE_ID.fullmatch(given) else uuid4().hex
        status: int | None = None

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = id_
            elif message["type"] == "websocket.close":
                status = message.get("code", 1000)
            await send(message)

        token = request_id.set(id_)
        started = time.perf_counter()
        try:
            await self.app(scope, receive, send_with_id)
        finally:
            access_log.info(
                "request",
                extra={
                    "method": scope.get("method", "WEBSOCKET"),
                    "path": scope["path"],  # without the query: it may hold secrets
                    "status": status,
                    "milliseconds": round((time.perf_counter() - started) * 1000, 1),
                },
            )
            request_id.reset(token)


class SecurityHeaders:
    """Adds what every answer should say, unless the endpoint said otherwise."""

    def __init__(self, app: ASGIApp, *, hsts: bool) -> None:
        self.app = app
        self.headers = {
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        }
        if hsts:
            self.headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application and complete the headers of its answer."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
                # With an ETag a private cache may keep it, and must ask each time.
                caching = "private, no-cache" if "etag" in headers else "no-store"
                headers.setdefault("Cache-Control", caching)
            await send(message)

        await self.app(scope, receive, send_with_headers)


class AllowedHosts:
    """Refuses requests for other hosts, which could else end up in links.

    Starlette has one too; its refusal is plain text, not a problem.
    """

    def __init__(self, app: ASGIApp, *, hosts: Sequence[str]) -> None:
        self.app = app
        self.hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application if the Host header is ours."""
        if scope["type"] != "lifespan":
            host = Headers(scope=scope).get("host", "").lower()
            if re.sub(r":\d+$", "", host) not in self.hosts:
                refusal = problem(scope, 400, "This is not a host of ours.")
                return await refusal(scope, receive, send)
        await self.app(scope, receive, send)


class BodyLimit:
    """Refuses bodies that are too large, declared or not, before they are read."""

    def __init__(self, app: ASGIApp, *, max_bytes: int) -> None:
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application with a `receive` that counts."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        detail = f"The body may have {self.max_bytes} bytes."
        length = Headers(scope=scope).get("content-length", "")
        if length.isdecimal() and int(length[:20]) > self.max_bytes:
            return await problem(scope, 413, detail)(scope, receive, send)
        seen = 0

        async def receive_counting() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.max_bytes:
                # FastAPI's own class: it lets this one through while it reads
                # a body, and turns any other exception into a 400.
                raise HTTPException(413, detail)
            return message

        await self.app(scope, receive_counting, send)


class ErrorBoundary:
    """Turns what nobody handled into a 500 that says nothing about the inside.

    Innermost, so that this answer too gets the request id and the headers. A
    handler for Exception would run outside of all middleware.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application and answer for its failure, if that can be done."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        started = False

        async def send_noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, send_noting)
        except Exception:
            if started:
                raise  # half an answer is out; the server breaks the connection
            error_log.exception("unhandled error")
            answer = problem(scope, 500, "Something went wrong on our side.")
            await answer(scope, receive, send)
