"""Tables. Importing this package registers every one of them on `Base.metadata`."""

from backend.models.agent import Agent
from backend.models.base import Base
from backend.models.execution import Execution, ExecutionEvent, ExecutionStatus
from backend.models.idempotency import IdempotencyKey
from backend.models.tool import Tool
from backend.models.user import AuthSession, RefreshToken, User

__all__ = [
    "Agent",
    "AuthSession",
    "Base",
    "Execution",
    "ExecutionEvent",
    "ExecutionStatus",
    "IdempotencyKey",
    "RefreshToken",
    "Tool",
    "User",
]
