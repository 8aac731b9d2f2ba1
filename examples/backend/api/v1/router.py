"""All endpoints of version 1."""

from fastapi import APIRouter

from backend.api.openapi import problems
from backend.api.v1 import (
    agents,
    auth,
    executions,
    health,
    sockets,
    streams,
    tools,
    users,
)

router = APIRouter(prefix="/api/v1", responses=problems(400, 413, 422))
for module in (auth, users, tools, agents, executions, streams, sockets, health):
    router.include_router(module.router)
