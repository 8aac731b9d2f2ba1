"""What runs an agent: a protocol, and a runner without a model behind it."""

from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from typing import Any, Protocol, Self

import anyio


@dataclass(frozen=True, slots=True)
class AgentSnapshot:
    """An agent as it was when the execution was asked for."""

    agent_id: int
    name: str
    model_name: str
    temperature: float
    system_prompt: str | None
    tools: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Make what the table keeps."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Read what the table kept: JSON has lists, a snapshot has tuples."""
        return cls(**{**data, "tools": tuple(data["tools"])})


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool was called."""

    tool: str


RunnerEvent = Delta | ToolCall


class Runner(Protocol):
    """Runs an agent. No session, no request: it can live anywhere."""

    def run(self, agent: AgentSnapshot, input_: str) -> AsyncIterator[RunnerEvent]:
        """Yield what happens. Cancelled at an await; any exception means failed."""
        ...


class EchoRunner:
    """Calls every tool once and says the input again, word by word."""

    def __init__(self, pause_seconds: float) -> None:
        self._pause = pause_seconds

    async def run(
        self, agent: AgentSnapshot, input_: str
    ) -> AsyncIterator[RunnerEvent]:
        """Do the same thing every time: that is what tests want."""
        for tool in agent.tools:
            await anyio.sleep(self._pause)
            yield ToolCall(tool)
        for index, word in enumerate(input_.split()):
            await anyio.sleep(self._pause)
            yield Delta(word if index == 0 else f" {word}")
