import httpx
import pytest
from fastapi import FastAPI

pytestmark = pytest.mark.anyio


async def test_live_and_ready(client: httpx.AsyncClient) -> None:
    for path in ("live", "ready"):
        response = await client.get(f"/api/v1/health/{path}")
        assert response.json() == {"status": "ok"}


async def test_not_ready_without_a_database(
    app: FastAPI, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail() -> None:
        raise OSError("secret detail")

    monkeypatch.setattr(app.state.resources.database, "ping", fail)
    response = await client.get("/api/v1/health/ready")
    assert response.status_code == 503
    assert "secret" not in response.text
    assert (await client.get("/api/v1/health/live")).status_code == 200


async def test_not_ready_when_the_end_is_near(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    app.state.resources.signals.close()
    assert (await client.get("/api/v1/health/ready")).status_code == 503
