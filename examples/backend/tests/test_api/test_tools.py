import httpx
import pytest

from backend.services.tool_service import BUILT_IN
from backend.tests.test_api.conftest import SignUp, create_agent

pytestmark = pytest.mark.anyio


async def names(client: httpx.AsyncClient) -> set[str]:
    response = await client.get("/api/v1/tools", params={"limit": 100})
    assert response.status_code == 200
    return {tool["name"] for tool in response.json()["items"]}


async def test_everybody_sees_the_built_in_tools_and_ones_own(
    client: httpx.AsyncClient, ada: httpx.AsyncClient, sign_up: SignUp
) -> None:
    response = await ada.post("/api/v1/tools", json={"name": "mine"})
    assert response.status_code == 201
    location = response.headers["location"]
    assert (await ada.get(location)).json() == response.json()
    assert await names(ada) == {*BUILT_IN, "mine"}
    for other in (client, await sign_up("eve@example.com")):
        assert await names(other) == set(BUILT_IN)
        assert (await other.get(location)).status_code == 404


async def test_a_bad_token_is_an_error_even_where_none_is_needed(
    client: httpx.AsyncClient,
) -> None:
    response = await client.get("/api/v1/tools", headers={"Authorization": "Bearer x"})
    assert response.status_code == 401


async def test_deleting(ada: httpx.AsyncClient, sign_up: SignUp) -> None:
    response = await ada.post("/api/v1/tools", json={"name": "mine"})
    location, tool_id = response.headers["location"], response.json()["id"]
    agent = (await create_agent(ada, tool_ids=[1, tool_id])).headers["location"]
    eve = await sign_up("eve@example.com")
    assert (await eve.delete(location)).status_code == 404
    assert (await ada.delete("/api/v1/tools/1")).status_code == 403
    assert (await ada.delete(location)).status_code == 204
    assert (await ada.delete(location)).status_code == 404
    tools = (await ada.get(agent)).json()["tools"]
    assert [tool["id"] for tool in tools] == [1]


async def test_names_are_unique(ada: httpx.AsyncClient) -> None:
    for status in (201, 409):
        response = await ada.post("/api/v1/tools", json={"name": "mine"})
        assert response.status_code == status
