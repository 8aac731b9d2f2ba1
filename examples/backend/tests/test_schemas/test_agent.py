import pytest
from pydantic import ValidationError

from backend.schemas.agent import AgentCreate, AgentUpdate

AGENT = {"name": " Researcher ", "model_name": "claude-sonnet-4-5"}


def test_a_name_is_stripped() -> None:
    assert AgentCreate.model_validate(AGENT).name == "Researcher"


@pytest.mark.parametrize(
    "change",
    [
        {"name": "  "},
        {"name": "nul\x00"},
        {"model_name": "llama-3"},
        {"temperature": float("nan")},
        {"temprature": 1},
    ],
)
def test_what_cannot_be_meant_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        AgentCreate.model_validate(AGENT | change)


def test_an_update_knows_absent_from_null() -> None:
    update = AgentUpdate.model_validate({"description": None})
    assert update.model_dump(exclude_unset=True) == {"description": None}
    with pytest.raises(ValidationError):
        AgentUpdate.model_validate({"name": None})
