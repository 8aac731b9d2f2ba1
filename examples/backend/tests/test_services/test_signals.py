import asyncio
import gc

import pytest

from backend.services.signals import Signals

pytestmark = pytest.mark.anyio


async def test_all_listeners_of_a_topic_wake() -> None:
    signals = Signals()
    first, second, other = (signals.listen(topic) for topic in (1, 1, 2))
    signals.send(1)
    assert first.is_set()
    assert second.is_set()
    assert not other.is_set()
    assert not signals.listen(1).is_set()  # a new wait has a new event


async def test_a_topic_without_listeners_takes_no_memory() -> None:
    signals = Signals()
    signals.listen(1)
    gc.collect()
    assert len(signals._events) == 0
    signals.send(1)


async def test_closing_wakes_everybody_for_good() -> None:
    signals = Signals()
    event = signals.listen(1)
    signals.close()
    await asyncio.wait_for(event.wait(), 1)
    await asyncio.wait_for(signals.listen(2).wait(), 1)
