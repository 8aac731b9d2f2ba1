import asyncio

import httpx
import pytest

from backend.tests.test_api.conftest import SignUp, create_agent

pytestmark = pytest.mark.anyio


async def test_create_and_read(ada: httpx.AsyncClient) -> None:
    created = await create_agent(ada, name="  Researcher ", tool_ids=[2, 1])
    assert created.status_code == 201
    agent = created.json()
    assert agent["name"] == "Researcher"
    assert agent["temperature"] == 0.7
    assert [tool["id"] for tool in agent["tools"]] == [1, 2]
    read = await ada.get(created.headers["location"])
    assert read.json() == agent
    assert read.headers["etag"] == created.headers["etag"]


@pytest.mark.parametrize(
    ("fields", "loc"),
    [
        ({"name": "   "}, ["name"]),
        ({"name": "x" * 101}, ["name"]),
        ({"name": "nul\x00"}, ["name"]),
        ({"name": None}, ["name"]),
        ({"model_name": "llama-3"}, ["model_name"]),
        ({"model_name": "claude-"}, ["model_name"]),
        ({"temperature": 2.1}, ["temperature"]),
        ({"temprature": 1}, ["temprature"]),
        ({"tool_ids": [99]}, ["tool_ids"]),
        ({"subagent_ids": [99]}, ["subagent_ids"]),
        ({"tool_ids": [2**63]}, ["tool_ids", 0]),
    ],
)
async def test_a_bad_agent_is_refused(
    ada: httpx.AsyncClient, fields: dict[str, object], loc: list[object]
) -> None:
    response = await create_agent(ada, **fields)
    assert response.status_code == 422
    assert response.json()["errors"][0]["loc"] == ["body", *loc]


async def test_what_is_somebody_elses_is_not_found(
    ada: httpx.AsyncClient, sign_up: SignUp
) -> None:
    location = (await create_agent(ada)).headers["location"]
    eve = await sign_up("eve@example.com")
    for response in (
        await eve.get(location),
        await eve.patch(location, json={"name": "Stolen"}),
        await eve.delete(location),
        await eve.post(f"{location}/executions", json={"input": "x"}),
        await ada.get(f"/api/v1/agents/{2**63 - 1}"),
    ):
        assert response.status_code == 404
        assert response.json()["type"] == "urn:fastapi-patterns:problem:not-found"
    assert (await eve.get("/api/v1/agents")).json()["items"] == []


async def test_a_change_names_what_changes(ada: httpx.AsyncClient) -> None:
    location = (await create_agent(ada, description="old")).headers["location"]
    changed = (await ada.patch(location, json={"temperature": 1})).json()
    assert (changed["temperature"], changed["description"]) == (1, "old")
    for ids in ([3, 1], []):
        changed = (await ada.patch(location, json={"tool_ids": ids})).json()
        assert [tool["id"] for tool in changed["tools"]] == sorted(ids)
    changed = (await ada.patch(location, json={"description": None})).json()
    assert changed["description"] is None


@pytest.mark.parametrize(
    "field", ["name", "model_name", "temperature", "tool_ids", "subagent_ids"]
)
async def test_null_is_not_the_same_as_absent(
    ada: httpx.AsyncClient, field: str
) -> None:
    location = (await create_agent(ada)).headers["location"]
    response = await ada.patch(location, json={field: None})
    assert response.status_code == 422
    assert response.json()["errors"][0]["loc"] == ["body", field]


async def test_deleting_is_done_once(ada: httpx.AsyncClient) -> None:
    location = (await create_agent(ada)).headers["location"]
    assert (await ada.delete(location)).status_code == 204
    for again in (await ada.delete(location), await ada.get(location)):
        assert again.status_code == 404


async def test_a_name_is_taken_once_even_in_a_race(ada: httpx.AsyncClient) -> None:
    responses = await asyncio.gather(*(create_agent(ada) for _ in range(5)))
    assert sorted(each.status_code for each in responses) == [201, 409, 409, 409, 409]


async def test_fifty_changes_at_once_are_all_there(ada: httpx.AsyncClient) -> None:
    created = await create_agent(ada)
    location = created.headers["location"]

    async def change(number: int) -> int:
        if number % 2:
            body: dict[str, object] = {"description": f"{number}"}
        else:
            body = {"system_prompt": f"{number}"}
        return (await ada.patch(location, json=body)).status_code

    assert set(await asyncio.gather(*map(change, range(50)))) == {200}
    agent = (await ada.get(location)).json()
    assert agent["description"] is not None
    assert agent["system_prompt"] is not None


async def test_an_etag_saves_the_body(ada: httpx.AsyncClient) -> None:
    created = await create_agent(ada)
    location, etag = created.headers["location"], created.headers["etag"]
    for value in (etag, f'"other", W/{etag}', "*"):
        response = await ada.get(location, headers={"If-None-Match": value})
        assert response.status_code == 304
        assert response.headers["etag"] == etag
        assert response.content == b""
    response = await ada.get(location, headers={"If-None-Match": '"other"'})
    assert response.status_code == 200


async def test_an_etag_guards_against_lost_updates(ada: httpx.AsyncClient) -> None:
    created = await create_agent(ada)
    location, old = created.headers["location"], created.headers["etag"]
    body = {"description": "new"}
    headers = {"If-Match": old}
    changed = await ada.patch(location, json=body, headers=headers)
    assert changed.status_code == 200
    late = await ada.patch(location, json={"description": "x"}, headers=headers)
    assert late.status_code == 412
    weak = {"If-Match": f"W/{changed.headers['etag']}"}
    assert (await ada.delete(location, headers=weak)).status_code == 412
    assert (await ada.delete(location, headers=headers)).status_code == 412
    headers = {"If-Match": changed.headers["etag"]}
    assert (await ada.delete(location, headers=headers)).status_code == 204


async def test_the_etag_covers_what_is_shown_of_others(ada: httpx.AsyncClient) -> None:
    child = await create_agent(ada, name="Child")
    ids = [child.json()["id"]]
    parent = await create_agent(ada, name="Parent", subagent_ids=ids)
    await ada.patch(child.headers["location"], json={"name": "Grown"})
    response = await ada.get(
        parent.headers["location"], headers={"If-None-Match": parent.headers["etag"]}
    )
    assert response.json()["subagents"][0]["name"] == "Grown"


async def test_cycles_are_refused(ada: httpx.AsyncClient) -> None:
    child = await create_agent(ada, name="Child")
    ids = [child.json()["id"]]
    parent = (await create_agent(ada, name="Parent", subagent_ids=ids)).json()
    response = await ada.patch(
        child.headers["location"], json={"subagent_ids": [parent["id"]]}
    )
    assert response.status_code == 422
    assert response.json()["type"] == "urn:fastapi-patterns:problem:subagent-cycle"


async def test_pages(ada: httpx.AsyncClient) -> None:
    for number in range(5):
        await create_agent(ada, name=f"Agent {number}")
    names, cursor = [], None
    while True:
        params = {"limit": 2} | ({} if cursor is None else {"cursor": cursor})
        page = (await ada.get("/api/v1/agents", params=params)).json()
        names += [agent["name"] for agent in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert names == [f"Agent {number}" for number in (4, 3, 2, 1, 0)]


@pytest.mark.parametrize(
    "query", ["cursor=nonsense", "cursor=%00", "limit=0", "limit=101", "limit=9e99"]
)
async def test_a_bad_page_is_refused(ada: httpx.AsyncClient, query: str) -> None:
    response = await ada.get(f"/api/v1/agents?{query}")
    assert response.status_code == 422
    assert response.json()["errors"][0]["loc"] == ["query", query.partition("=")[0]]
