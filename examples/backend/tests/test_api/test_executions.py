import httpx
import pytest

from backend.tests.test_api.conftest import (
    SignUp,
    create_agent,
    finished,
    start_execution,
)

pytestmark = pytest.mark.anyio


async def test_from_question_to_answer(ada: httpx.AsyncClient) -> None:
    agent = (await create_agent(ada, tool_ids=[1])).headers["location"]
    response = await ada.post(f"{agent}/executions", json={"input": "one two"})
    assert response.status_code == 202
    assert response.json()["status"] == "queued"
    location = response.headers["location"]
    execution = await finished(ada, response.json()["id"])
    assert execution["status"] == "succeeded"
    assert execution["output"] == "one two"
    page = (await ada.get(f"{location}/events", params={"limit": 3})).json()
    assert [event["sequence"] for event in page["items"]] == [1, 2, 3]
    params = {"after": page["next_after"]}
    page = (await ada.get(f"{location}/events", params=params)).json()
    assert [event["type"] for event in page["items"]] == [
        "message.delta",
        "execution.succeeded",
    ]
    page = (await ada.get(f"{location}/events", params={"after": 5})).json()
    assert page == {"items": [], "next_after": 5}


@pytest.mark.parametrize("input_", ["", "  ", "nul\x00", "x" * 32_769, None])
async def test_a_bad_input(ada: httpx.AsyncClient, input_: str | None) -> None:
    agent = (await create_agent(ada)).headers["location"]
    response = await ada.post(f"{agent}/executions", json={"input": input_})
    assert response.status_code == 422


async def test_cancelling(slow: None, ada: httpx.AsyncClient) -> None:
    id_ = await start_execution(ada)
    response = await ada.post(f"/api/v1/executions/{id_}/cancel")
    assert response.status_code == 200
    assert response.json()["status"] == "cancelled"
    response = await ada.post(f"/api/v1/executions/{id_}/cancel")
    assert response.status_code == 409
    events = (await ada.get(f"/api/v1/executions/{id_}/events")).json()["items"]
    assert events[-1]["type"] == "execution.cancelled"
    sequences = [event["sequence"] for event in events]
    assert sequences == list(range(1, len(events) + 1))


async def test_an_execution_is_its_owners(
    ada: httpx.AsyncClient, sign_up: SignUp
) -> None:
    path = f"/api/v1/executions/{await start_execution(ada)}"
    eve = await sign_up("eve@example.com")
    for response in (
        await eve.get(path),
        await eve.get(f"{path}/events"),
        await eve.get(f"{path}/events/stream"),
        await eve.post(f"{path}/cancel"),
    ):
        assert response.status_code == 404


async def test_the_list_can_be_filtered(ada: httpx.AsyncClient) -> None:
    ids = [await start_execution(ada, input_) for input_ in ("one", "two")]
    executions = [await finished(ada, id_) for id_ in ids]
    agent_id = executions[0]["agent_id"]

    async def listed(**params: object) -> list[int]:
        query = httpx.QueryParams({key: str(value) for key, value in params.items()})
        response = await ada.get("/api/v1/executions", params=query)
        return [execution["id"] for execution in response.json()["items"]]

    assert await listed() == ids[::-1]
    assert await listed(agent_id=agent_id) == ids[:1]
    assert await listed(status="succeeded") == ids[::-1]
    assert await listed(status="failed") == []
    response = await ada.get("/api/v1/executions", params={"status": "bored"})
    assert response.status_code == 422


async def test_an_execution_outlives_its_agent(ada: httpx.AsyncClient) -> None:
    id_ = await start_execution(ada)
    agent_id = (await finished(ada, id_))["agent_id"]
    assert (await ada.delete(f"/api/v1/agents/{agent_id}")).status_code == 204
    assert (await ada.get(f"/api/v1/executions/{id_}")).status_code == 200
