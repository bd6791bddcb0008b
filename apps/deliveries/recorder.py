"""Keeps the result of each try until the database has it: a result in hand is worth as much as an event."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from uuid import UUID

from django.db import OperationalError

from apps.common.batching import BAD_DATA, Batcher, Bounds, around_locks
from apps.common.lanes import in_turn, is_locked, lane
from apps.common.metrics import RECORD_SECONDS, RECORDED_BATCH, START_SECONDS, TRIES, TRY_SECONDS
from apps.deliveries import services
from apps.deliveries.request import Error, Result

logger = logging.getLogger(__name__)

# Seconds between tries to write: doubled from the first to the second.
_BACK_OFF_S = (0.05, 1.0)
# With so many results in hand, or after so many seconds in which none could be written, the worker claims nothing.
_KEPT_MAX = 1000
_BEHIND_S = 5.0
# Results that a batch should have, and the seconds that it waits for them: nobody waits for a result, and a batch of 50 costs
# little more than one of 5.
_COMPANY = (50, 0.002)
# What is written at once is bounded by how long the others' writes may wait for it.
_AT_ONCE = 200


class Recorder:
    """One for an engine. What stands before somebody's lock waits apart, with its account's later results: the others pass.

    `written` is called after each commit.
    """

    def __init__(self, written: Callable[[services.Recorded], object]) -> None:
        self._written = written
        # What waits is bounded by claiming nothing more.
        self._bounds = Bounds(batch_items=in_turn(_AT_ONCE), waiting_items=10**6, waiting_bytes=2**40)
        self.kept: set[UUID] = set()
        """The deliveries whose results are not known to be written."""
        self._attempted: set[UUID] = set()
        """Log ids that may stand in the table already."""
        self._line: Batcher[Result, bool] = Batcher(self._write_line, bounds=self._bounds, company=_COMPANY)
        self._in_line = 0
        self._last_success = 0.0  # of the line, by the loop's clock; or when it began to fill
        self._apart: dict[UUID, Batcher[Result, bool]] = {}
        """account id -> its own line"""

    @property
    def behind(self) -> bool:
        """Whether so much is in hand that no new try should begin. Somebody's lock alone does not stop the others' tries."""
        stands = self._in_line and asyncio.get_running_loop().time() - self._last_success > _BEHIND_S
        return len(self.kept) >= _KEPT_MAX or bool(stands)

    async def submit(self, result: Result) -> None:
        """Returns when it is written. Raises what the database says of it when not even the bare try can be written."""
        self.kept.add(result.claim.delivery_id)
        account_id = result.claim.account_id
        try:
            if account_id in self._apart or not await self._stand_in_line(result):
                own = self._apart.setdefault(account_id, Batcher(self._write_apart, bounds=self._bounds))
                try:
                    await own.submit(result)
                finally:
                    self._apart.pop(account_id, None)
        finally:
            self.kept.discard(result.claim.delivery_id)
            self._attempted.discard(result.log_id)

    async def _stand_in_line(self, result: Result) -> bool:
        """Whether it was written; not so when somebody holds one of its rows."""
        if not self._in_line:
            self._last_success = asyncio.get_running_loop().time()
        self._in_line += 1
        try:
            return await self._line.submit(result)
        finally:
            self._in_line -= 1

    async def _write_line(self, results: Sequence[Result]) -> Sequence[bool]:
        write = partial(self._insist, "record")
        try:
            return await write(results)
        except OperationalError:
            written = await around_locks(partial(self._insist, "divide"), results, lambda result: result.claim.account_id)
            return [written.get(index, False) for index in range(len(results))]
        finally:
            self._last_success = asyncio.get_running_loop().time()

    async def _write_apart(self, results: Sequence[Result]) -> Sequence[bool]:
        pause = _BACK_OFF_S[0]
        while True:
            try:
                return await self._insist("apart", results)
            except OperationalError:
                logger.warning("%d results wait: somebody holds a row of their account", len(results))
                await asyncio.sleep(pause)
                pause = min(pause * 2, _BACK_OFF_S[1])

    async def _insist(self, lane_name: str, results: Sequence[Result]) -> Sequence[bool]:
        """Writes until it is written. One bad row is recorded bare. Raises an OperationalError only for a lock."""
        pause, began = _BACK_OFF_S[0], asyncio.get_running_loop().time()
        while True:
            ids = {result.log_id for result in results}
            repeated = not ids.isdisjoint(self._attempted)
            self._attempted |= ids
            try:
                self._written(await lane(lane_name).run(partial(services.record, results, repeated=repeated)))
            except BAD_DATA:
                if len(results) > 1 or results[0].outcome.error is Error.INTERNAL:
                    raise  # halved by the batcher, until the bad row stands alone
                results = [services.bare(results[0])]
            except Exception as error:
                if is_locked(error):
                    raise
                logger.warning("results wait for the database: %s", type(error).__name__)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _BACK_OFF_S[1])
            else:
                _count(results, asyncio.get_running_loop().time() - began)
                return [True] * len(results)


def _count(results: Sequence[Result], seconds: float) -> None:
    RECORDED_BATCH.observe(len(results))
    RECORD_SECONDS.observe(seconds)
    for error, number in Counter(result.outcome.error for result in results).items():
        TRIES.labels(error.value or "none").inc(number)
    for result in results:
        claim, latency_ms = result.claim, result.outcome.latency_ms
        if latency_ms is not None:
            TRY_SECONDS.observe(latency_ms / 1000)
        if not (claim.attempts or claim.replay_of or claim.gated):
            START_SECONDS.observe(max(0.0, (result.sent_at - claim.received_timestamp).total_seconds()))
