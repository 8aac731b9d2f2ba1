import pytest

from backend.services.runner import AgentSnapshot, Delta, EchoRunner, ToolCall

AGENT = AgentSnapshot(1, "Echo", "gpt-5", 0.7, None, ("clock", "search"))


@pytest.mark.anyio
async def test_echo_calls_each_tool_and_says_each_word() -> None:
    events = [event async for event in EchoRunner(0).run(AGENT, "one  two")]
    assert events == [
        ToolCall("clock"),
        ToolCall("search"),
        Delta("one"),
        Delta(" two"),
    ]


def test_a_snapshot_survives_the_table() -> None:
    assert AgentSnapshot.from_json(AGENT.to_json()) == AGENT
    assert AgentSnapshot.from_json(AGENT.to_json() | {"tools": ["clock"]}).tools == (
        "clock",
    )
