"""Agents."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from backend.schemas.common import (
    Description,
    FromRow,
    Id,
    Name,
    NoNul,
    Request,
    may_be_absent,
)

ModelName = Annotated[
    str, StringConstraints(pattern=r"^(claude|gpt)-.+$", max_length=100), NoNul
]
Temperature = Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)]
SystemPrompt = Annotated[str, StringConstraints(max_length=32_768), NoNul]
Ids = Annotated[list[Id], Field(max_length=100)]


class AgentCreate(Request):
    """A new agent."""

    name: Name = Field(examples=["Researcher"])
    description: Description | None = None
    model_name: ModelName = Field(examples=["claude-sonnet-4-5"])
    temperature: Temperature = 0.7
    system_prompt: SystemPrompt | None = None
    tool_ids: Ids = Field(default_factory=list)
    subagent_ids: Ids = Field(default_factory=list)


class AgentUpdate(Request):
    """What changes; what is left out stays. Lists of ids are replaced as a whole."""

    name: Name = may_be_absent()
    description: Description | None = None
    model_name: ModelName = may_be_absent()
    temperature: Temperature = may_be_absent()
    system_prompt: SystemPrompt | None = None
    tool_ids: Ids = may_be_absent()
    subagent_ids: Ids = may_be_absent()


class Reference(FromRow):
    """Another thing, by id and name."""

    id: int
    name: str


class AgentRead(FromRow):
    """An agent with what it may use."""

    id: int
    name: str
    description: str | None
    model_name: str
    temperature: float
    system_prompt: str | None
    tools: list[Reference]
    subagents: list[Reference]
    created_at: datetime
    updated_at: datetime
