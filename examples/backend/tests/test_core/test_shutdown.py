import asyncio
import signal
from collections.abc import Iterator
from types import FrameType

import pytest

from backend.core.shutdown import on_stop_signal

pytestmark = pytest.mark.anyio


@pytest.fixture
def server_heard() -> Iterator[list[int]]:
    """Stand in for the server, whose handler is there before our lifespan begins."""
    heard: list[int] = []

    def handle(number: int, _frame: FrameType | None) -> None:
        heard.append(number)

    previous = signal.signal(signal.SIGTERM, handle)
    yield heard
    signal.signal(signal.SIGTERM, previous)


async def test_we_hear_it_and_so_does_the_server(server_heard: list[int]) -> None:
    stopped = asyncio.Event()
    with on_stop_signal(stopped.set):
        signal.raise_signal(signal.SIGTERM)
        await asyncio.wait_for(stopped.wait(), 30)
    assert server_heard == [signal.SIGTERM]


async def test_a_signal_that_was_ignored_stays_ignored() -> None:
    previous = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    stopped = asyncio.Event()
    with on_stop_signal(stopped.set):
        signal.raise_signal(signal.SIGTERM)
        await asyncio.wait_for(stopped.wait(), 30)
    assert signal.signal(signal.SIGTERM, previous) == signal.SIG_IGN


async def test_other_threads_have_no_signals() -> None:
    def elsewhere() -> bool:
        with on_stop_signal(lambda: None):
            return True

    assert await asyncio.to_thread(elsewhere)
