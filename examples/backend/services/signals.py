"""Wake-ups within the process. The tables hold the truth; this only saves waiting."""

import asyncio
from collections.abc import Hashable
from weakref import WeakValueDictionary

QUEUE = "queue"


def changed(execution_id: int) -> Hashable:
    """Name the topic of an execution's new events."""
    return "events", execution_id


def cancelled(execution_id: int) -> Hashable:
    """Name the topic of an execution's cancellation."""
    return "cancel", execution_id


class Signals:
    """One event per topic, shared by all who wait for it.

    No queue per listener: one that does not keep up costs nothing, and reads
    from the table where it stopped. Only listeners hold an event, so a topic
    that nobody listens to takes no memory.
    """

    def __init__(self) -> None:
        self._events: WeakValueDictionary[Hashable, asyncio.Event] = (
            WeakValueDictionary()
        )
        self.closed = False

    def listen(self, topic: Hashable) -> asyncio.Event:
        """Get an event that the next `send` sets. Call this BEFORE you look.

        What happens between the look and the wait would else be missed.
        """
        event = self._events.get(topic)
        if event is None:
            event = self._events[topic] = asyncio.Event()
        if self.closed:
            event.set()
        return event

    def send(self, topic: Hashable) -> None:
        """Wake all who listen to the topic."""
        event = self._events.pop(topic, None)
        if event is not None:
            event.set()

    def close(self) -> None:
        """Wake everybody, now and from now on: the process is about to end."""
        self.closed = True
        for event in list(self._events.values()):
            event.set()
