import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import anyio
import pytest
from sqlalchemy import select

from backend.core.database import Database
from backend.models import Agent, Execution, ExecutionEvent, ExecutionStatus, User
from backend.services import execution_service
from backend.services.executor import Executor
from backend.services.runner import (
    AgentSnapshot,
    Delta,
    EchoRunner,
    Runner,
    RunnerEvent,
)
from backend.services.signals import Signals

pytestmark = pytest.mark.anyio

RunningExecutor = Callable[[Runner], AbstractAsyncContextManager[None]]


class Waiting:
    """Says one word and then waits, until it is cancelled."""

    def __init__(self) -> None:
        self.running = 0
        self.most = 0
        self.two_run = anyio.Event()

    async def run(
        self, agent: AgentSnapshot, input_: str
    ) -> AsyncIterator[RunnerEvent]:
        self.running += 1
        self.most = max(self.most, self.running)
        if self.running == 2:
            self.two_run.set()
        try:
            yield Delta("word")
            await anyio.sleep_forever()
        finally:
            self.running -= 1


class Failing:
    """Fails after a word."""

    async def run(
        self, agent: AgentSnapshot, input_: str
    ) -> AsyncIterator[RunnerEvent]:
        yield Delta("word")
        raise ZeroDivisionError("secret detail")


@pytest.fixture
def signals() -> Signals:
    return Signals()


@pytest.fixture
async def agent(database: Database, ada: User) -> Agent:
    async with database.transaction() as session:
        agent = Agent(
            owner_id=ada.id, name="Echo", model_name="gpt-5", temperature=0, tools=[]
        )
        session.add(agent)
        await session.flush()
        return agent


@pytest.fixture
def executor(database: Database, signals: Signals) -> RunningExecutor:
    @asynccontextmanager
    async def running(runner: Runner) -> AsyncIterator[None]:
        executor = Executor(
            database,
            signals,
            runner,
            concurrency=2,
            timeout_seconds=30,
            poll_seconds=0.05,
        )
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(executor.run)
            yield
            tasks.cancel_scope.cancel()

    return running


async def queue(
    database: Database, signals: Signals, agent: Agent, input_: str = "one two"
) -> int:
    async with database.transaction() as session:
        execution = await execution_service.create_execution(
            session, signals, agent, input_
        )
        return execution.id


async def wait_for(
    database: Database, execution_id: int, *statuses: ExecutionStatus
) -> Execution:
    with anyio.fail_after(30):
        while True:
            async with database.reading() as session:
                execution = await session.get_one(Execution, execution_id)
            if execution.status in statuses:
                return execution
            await anyio.sleep(0.01)


async def events_of(database: Database, execution_id: int) -> list[tuple[int, str]]:
    async with database.reading() as session:
        events = await execution_service.list_events(
            session, execution_id, after=0, limit=100
        )
    return [(event.sequence, event.type) for event in events]


async def test_runs_what_is_queued(
    database: Database, signals: Signals, agent: Agent, executor: RunningExecutor
) -> None:
    before = await queue(database, signals, agent)
    async with executor(EchoRunner(0)):
        after = await queue(database, signals, agent)
        for id_ in (before, after):
            execution = await wait_for(database, id_, ExecutionStatus.SUCCEEDED)
            assert execution.output == "one two"
            assert await events_of(database, id_) == [
                (1, "execution.started"),
                (2, "message.delta"),
                (3, "message.delta"),
                (4, "execution.succeeded"),
            ]


async def test_a_failure_tells_the_log_and_not_the_client(
    database: Database,
    signals: Signals,
    agent: Agent,
    executor: RunningExecutor,
    caplog: pytest.LogCaptureFixture,
) -> None:
    id_ = await queue(database, signals, agent)
    with caplog.at_level(logging.ERROR):
        async with executor(Failing()):
            execution = await wait_for(database, id_, ExecutionStatus.FAILED)
    assert execution.error == "The run failed."
    assert "secret detail" in caplog.text
    assert (await events_of(database, id_))[-1] == (3, "execution.failed")


async def test_a_run_has_a_time_limit(
    database: Database, signals: Signals, agent: Agent
) -> None:
    id_ = await queue(database, signals, agent)
    executor = Executor(
        database,
        signals,
        Waiting(),
        concurrency=1,
        timeout_seconds=0.1,
        poll_seconds=0.05,
    )
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(executor.run)
        await wait_for(database, id_, ExecutionStatus.FAILED)
        tasks.cancel_scope.cancel()


async def test_few_run_at_once_and_cancelling_makes_room(
    database: Database,
    signals: Signals,
    agent: Agent,
    executor: RunningExecutor,
    ada: User,
) -> None:
    runner = Waiting()
    ids = [await queue(database, signals, agent) for _ in range(4)]
    async with executor(runner):
        with anyio.fail_after(30):
            await runner.two_run.wait()
        for id_ in ids[2:]:
            await wait_for(database, id_, ExecutionStatus.QUEUED)
        for id_ in ids[:3]:
            await wait_for(database, id_, ExecutionStatus.RUNNING)
            async with database.transaction() as session:
                execution = await execution_service.cancel_execution(
                    session, signals, ada.id, id_
                )
            assert execution.status == ExecutionStatus.CANCELLED
        await wait_for(database, ids[3], ExecutionStatus.RUNNING)
    assert runner.most == 2
    assert runner.running == 0


async def test_what_somebody_else_finished_is_not_gone_on_with(
    database: Database, signals: Signals, agent: Agent, executor: RunningExecutor
) -> None:
    id_ = await queue(database, signals, agent, "a " * 1000)
    async with executor(EchoRunner(0.001)):
        await wait_for(database, id_, ExecutionStatus.RUNNING)
        async with database.transaction() as session:
            # Another process: it writes to the table, and cannot signal us.
            await execution_service.finish(
                session, Signals(), id_, ExecutionStatus.CANCELLED
            )
        other = await queue(database, signals, agent)
        await wait_for(database, other, ExecutionStatus.SUCCEEDED)
    types = [type_ for _, type_ in await events_of(database, id_)]
    assert types[-1] == "execution.cancelled"
    assert len(types) < 1000


@pytest.mark.parametrize("step", ["claim_next", "finish"])
async def test_it_outlives_a_broken_database(
    database: Database,
    signals: Signals,
    agent: Agent,
    executor: RunningExecutor,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    failed = anyio.Event()

    async def fail(*_: object, **__: object) -> None:
        failed.set()
        raise ZeroDivisionError

    monkeypatch.setattr(execution_service, step, fail)
    async with executor(EchoRunner(0)):
        ids = [await queue(database, signals, agent)]
        await failed.wait()
        monkeypatch.undo()
        ids.append(await queue(database, signals, agent))
        for id_ in ids:
            await wait_for(database, id_, ExecutionStatus.SUCCEEDED)


async def test_what_a_crash_left_ends_as_failed(
    database: Database, signals: Signals, agent: Agent
) -> None:
    running = await queue(database, signals, agent)
    async with database.transaction() as session:
        await execution_service.claim_next(session, signals)
    queued = await queue(database, signals, agent)
    for _ in range(2):  # the second time there is nothing to do
        await execution_service.interrupt_unfinished(database, signals)
    assert await events_of(database, queued) == [(1, "execution.failed")]
    assert await events_of(database, running) == [
        (1, "execution.started"),
        (2, "execution.failed"),
    ]


async def test_status_and_event_are_written_together(
    database: Database, signals: Signals, agent: Agent
) -> None:
    id_ = await queue(database, signals, agent)
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as session:
            await execution_service.finish(
                session, signals, id_, ExecutionStatus.CANCELLED
            )
            raise ZeroDivisionError
    async with database.reading() as session:
        assert list(await session.scalars(select(ExecutionEvent))) == []
        execution = await session.get_one(Execution, id_)
    assert execution.status == ExecutionStatus.QUEUED
