"""Is the process alive, and can it take requests?"""

import logging

from anyio import fail_after
from fastapi import APIRouter

from backend.api.deps import DatabaseDep, SignalsDep
from backend.api.openapi import problems
from backend.core.errors import UnavailableError
from backend.schemas.common import Health

logger = logging.getLogger(__name__)
router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live")
async def live() -> Health:
    """Answer. No database here: its failure is no reason to restart this process."""
    return Health()


@router.get("/ready", responses=problems(503))
async def ready(database: DatabaseDep, signals: SignalsDep) -> Health:
    """Tell the load balancer whether to send requests."""
    if signals.closed:
        raise UnavailableError("The server is shutting down.")
    try:
        with fail_after(2):
            await database.ping()
    except Exception as error:
        logger.exception("database is not reachable")
        raise UnavailableError("The database does not answer.") from error
    return Health()
