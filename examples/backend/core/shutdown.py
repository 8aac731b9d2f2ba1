"""Hear of SIGTERM when it comes, not when the last connection has closed.

The server runs the end of the lifespan only after all connections have ended,
so an open stream would wait for the lifespan, and the lifespan for the stream.
"""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


@contextmanager
def on_stop_signal(call: Callable[[], None]) -> Iterator[None]:
    """Within the block, have `call` done on SIGTERM or SIGINT, then the old handler."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread gets signals: a test, or an embedded server
        return
    loop = asyncio.get_running_loop()
    previous: dict[int, Any] = {}

    def handle(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(call)
        handler = previous[number]
        if callable(handler):
            handler(number, frame)

    for stop in (signal.SIGTERM, signal.SIGINT):
        previous[stop] = signal.signal(stop, handle)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
