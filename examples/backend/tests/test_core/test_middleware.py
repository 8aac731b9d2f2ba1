import json
import logging
from collections.abc import AsyncIterator, Callable
from functools import partial

import httpx
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.core.middleware import (
    AllowedHosts,
    BodyLimit,
    ErrorBoundary,
    RequestContext,
    SecurityHeaders,
)

pytestmark = pytest.mark.anyio


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Stand in for an application: read the body, fail if asked, answer."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    if scope["path"] == "/fail":
        raise ZeroDivisionError("secret detail")
    headers = [(b"etag", b'"1"')] if scope["path"] == "/tagged" else []
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if scope["path"] == "/fail-late":
        raise ZeroDivisionError("secret detail")
    await send({"type": "http.response.body", "body": body})


def client(app: ASGIApp) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app)
    return httpx.AsyncClient(transport=transport, base_url="http://api.example")


async def test_the_request_id_is_taken_or_made() -> None:
    async with client(RequestContext(echo)) as http:
        given = await http.get("/", headers={"X-Request-ID": "abc-123"})
        insane = await http.get("/", headers={"X-Request-ID": "a b"})
    assert given.headers["x-request-id"] == "abc-123"
    assert len(insane.headers["x-request-id"]) == 32


async def test_each_request_is_one_line_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, "backend.access"):
        async with client(RequestContext(echo)) as http:
            await http.get("/thing?token=secret")
    (record,) = [each for each in caplog.records if each.name == "backend.access"]
    assert vars(record)["path"] == "/thing"
    assert vars(record)["status"] == 200
    assert "secret" not in str(vars(record))


async def test_every_answer_has_the_security_headers() -> None:
    async with client(SecurityHeaders(echo, hsts=True)) as http:
        plain = await http.get("/")
        tagged = await http.get("/tagged")
    assert plain.headers["x-content-type-options"] == "nosniff"
    assert plain.headers["cache-control"] == "no-store"
    assert "max-age" in plain.headers["strict-transport-security"]
    assert tagged.headers["cache-control"] == "private, no-cache"


async def test_other_hosts_are_refused() -> None:
    async with client(AllowedHosts(echo, hosts=["API.example"])) as http:
        ours = await http.get("/", headers={"Host": "api.example:8000"})
        other = await http.get("/", headers={"Host": "evil.example"})
    assert ours.status_code == 200
    assert other.status_code == 400
    assert other.headers["content-type"] == "application/problem+json"


async def test_a_declared_length_is_refused_before_the_body() -> None:
    async with client(BodyLimit(echo, max_bytes=10)) as http:
        assert (await http.post("/", content=b"x" * 10)).status_code == 200
        assert (await http.post("/", content=b"x" * 11)).status_code == 413


async def test_a_body_without_a_length_is_counted() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b"x"

    async with client(ErrorBoundary(BodyLimit(echo, max_bytes=10))) as http:
        # `echo` is not FastAPI, whose handlers make the 413 of it.
        assert (await http.post("/", content=chunks())).status_code == 500


async def test_a_failure_says_nothing_and_has_all_headers() -> None:
    app = RequestContext(SecurityHeaders(ErrorBoundary(echo), hsts=False))
    async with client(app) as http:
        response = await http.get("/fail")
    assert response.status_code == 500
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "secret" not in response.text
    assert json.loads(response.text)["request_id"] == response.headers["x-request-id"]


async def test_half_an_answer_is_broken_off() -> None:
    async with client(ErrorBoundary(echo)) as http:
        with pytest.raises(ZeroDivisionError):
            await http.get("/fail-late")


@pytest.mark.parametrize(
    "middleware",
    [
        RequestContext,
        partial(SecurityHeaders, hsts=False),
        partial(AllowedHosts, hosts=[]),
        partial(BodyLimit, max_bytes=1),
        ErrorBoundary,
    ],
)
async def test_the_lifespan_passes(middleware: Callable[[ASGIApp], ASGIApp]) -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    await middleware(app)({"type": "lifespan"}, _receive_nothing, _send_nowhere)
    assert seen == ["lifespan"]


async def _receive_nothing() -> Message:
    return {}


async def _send_nowhere(message: Message) -> None:
    return None
