"""Runs queued executions, a few at a time, in this process."""

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, cast

import anyio
from anyio import Semaphore, create_task_group, move_on_after

from backend.core.database import Database
from backend.models import ExecutionStatus
from backend.services import execution_service
from backend.services import signals as topics
from backend.services.execution_service import Job
from backend.services.runner import Delta, Runner, RunnerEvent
from backend.services.signals import Signals

logger = logging.getLogger(__name__)


class Executor:
    """Takes executions from the table, runs them, and writes down what happens."""

    def __init__(
        self,
        database: Database,
        signals: Signals,
        runner: Runner,
        *,
        concurrency: int,
        timeout_seconds: float,
        poll_seconds: float,
    ) -> None:
        self._database = database
        self._signals = signals
        self._runner = runner
        self._slots = Semaphore(concurrency)
        self._timeout = timeout_seconds
        self._poll = poll_seconds

    async def run(self) -> None:
        """Run what is queued, a few at a time, until the process is about to end."""
        async with create_task_group() as tasks:
            while True:
                await self._slots.acquire()
                job = await self._next()
                if job is None:
                    return
                tasks.start_soon(self._work, job)

    async def _next(self) -> Job | None:
        while not self._signals.closed:
            arrived = self._signals.listen(topics.QUEUE)
            try:
                job = await self._claim()
            except Exception:  # the database may come back
                logger.exception("no execution could be claimed")
            else:
                if job is not None:
                    return job
            with move_on_after(self._poll):
                await arrived.wait()
        return None

    async def _work(self, job: Job) -> None:
        try:
            await self._run(job)
        finally:
            self._slots.release()

    async def _claim(self) -> Job | None:
        async with self._database.transaction() as session:
            return await execution_service.claim_next(session, self._signals)

    async def _run(self, job: Job) -> None:
        cancelled = self._signals.listen(topics.cancelled(job.execution_id))
        async with create_task_group() as tasks:

            async def stop_when_cancelled() -> None:
                await cancelled.wait()
                tasks.cancel_scope.cancel()

            tasks.start_soon(stop_when_cancelled)
            await self._drive(job)
            tasks.cancel_scope.cancel()

    async def _drive(self, job: Job) -> None:
        said: list[str] = []
        try:
            with anyio.fail_after(self._timeout):
                steps = self._runner.run(job.agent, job.input)
                async with aclosing(cast(AsyncGenerator[RunnerEvent], steps)):
                    async for step in steps:
                        if isinstance(step, Delta):
                            said.append(step.text)
                        if not await self._record(job, step):
                            return  # finished by somebody else
        except Exception:
            # What went wrong is for the log; a client may not read our insides.
            logger.exception("execution failed", extra={"execution": job.execution_id})
            await self._finish(job, ExecutionStatus.FAILED, error="The run failed.")
        else:
            output = "".join(said)
            await self._finish(job, ExecutionStatus.SUCCEEDED, output=output)

    async def _record(self, job: Job, step: RunnerEvent) -> bool:
        if isinstance(step, Delta):
            type_, data = "message.delta", {"text": step.text}
        else:
            type_, data = "tool.called", {"tool": step.tool}
        async with self._database.transaction() as session:
            return await execution_service.record(
                session,
                self._signals,
                job.execution_id,
                type_,
                data,
                while_in=[ExecutionStatus.RUNNING],
            )

    async def _finish(self, job: Job, status: ExecutionStatus, **data: Any) -> None:
        while True:
            try:
                async with self._database.transaction() as session:
                    await execution_service.finish(
                        session, self._signals, job.execution_id, status, **data
                    )
            except Exception:  # without its final event, watchers would wait for ever
                logger.exception("the end could not be written; it is tried again")
                await anyio.sleep(self._poll)
            else:
                return
