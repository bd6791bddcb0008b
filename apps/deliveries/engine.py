"""The worker: seats before claims, a sender, a recorder; wakes by the doorbell, polls at least every second."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings

from apps.common.addresses import Policy
from apps.common.batching import BAD_DATA, Batcher, Bounds, PerLoop
from apps.common.ids import uuid7
from apps.common.lanes import TRANSIENT, lane
from apps.deliveries import claims, masking, services
from apps.deliveries.compose import compose
from apps.deliveries.network import Guard
from apps.deliveries.request import Claim, Error, Outcome, Result
from apps.deliveries.sender import OurFault, Sender
from apps.logs.broadcast import publish

logger = logging.getLogger(__name__)
T = TypeVar("T")

# Seconds between tries to reach a database that is away: doubled from the first to the second.
_BACK_OFF_S = (0.05, 1.0)
# The part of each poll in which suspects are tried one by one, while others wait.
_SUSPECTS_SHARE = 0.5
# With this many results not yet recorded the worker claims nothing.
_UNRECORDED_MAX = 1000


def _guard() -> Guard:
    """Public addresses and the allowed networks, less our own listeners, the database and Redis."""
    listeners = [(settings.HOST, settings.PORT)]
    for url, port in ((settings.DATABASE_URL, 5432), (settings.REDIS_URL, 6379)):
        parts = urlsplit(url)
        if parts.hostname:
            listeners.append((parts.hostname, parts.port or port))
    return Guard(Policy(allowed=settings.DESTINATION_ALLOWED_NETWORKS), listeners)


class Engine:
    """One a process. `start`, then `wake` as often as you like, then `stop`."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()
        self._stopping = False
        self._next_look = 0.0  # by the loop's clock
        self._turn_ends = 0.0  # of the suspects, by the same clock; 0: not begun
        self._clearing = False  # a suspect waits for this worker to hold nothing else
        self._loop_task: asyncio.Task[None] | None = None
        self._in_air: dict[UUID, asyncio.Task[None]] = {}
        self._beside: set[asyncio.Task[object]] = set()
        self._unrecorded = 0
        self._pause = _BACK_OFF_S[0]
        self._recorder = Batcher(self._record, bounds=Bounds(waiting_items=10**6, waiting_bytes=2**40))

    def start(self) -> None:
        """Idempotent: also the first doorbell of a process without our command starts it."""
        if self._loop_task is None:
            self._loop_task = asyncio.create_task(self._run(), name="deliveries-engine")

    def wake(self) -> None:
        self._woken.set()

    async def stop(self) -> None:
        """Claims nothing more, lets what is in the air end and be recorded (at most its timeout), then returns."""
        self._stopping = True
        self.wake()
        if self._loop_task is not None:
            await self._loop_task

    async def _run(self) -> None:
        logger.info("worker started: %d seats", settings.WORKER_SEATS)
        async with Sender(_guard()) as sender:
            while not self._stopping:
                self._woken.clear()
                await self._look_around()
                if not await self._fill_seats(sender):
                    await self._rest()
            if self._in_air:
                await asyncio.wait(self._in_air.values())
            if self._beside:
                await asyncio.wait(self._beside)
        logger.info("worker stopped")

    async def _rest(self) -> None:
        """Until the doorbell, a seat that was waited for, or the poll."""
        with suppress(TimeoutError):
            async with asyncio.timeout(settings.WORKER_POLL_S):
                await self._woken.wait()

    async def _look_around(self) -> None:
        """At the start and then once a poll, however busy: what dead workers left, and whether a suspect waits."""
        now = asyncio.get_running_loop().time()
        if now < self._next_look:
            return
        self._next_look = now + settings.WORKER_POLL_S
        await self._insist(claims.sweep)
        self._clearing = self._clearing or bool(await self._insist(claims.suspect_due))

    async def _fill_seats(self, sender: Sender) -> bool:
        """Claims for the free seats. True when there may be more: look again at once."""
        free = settings.WORKER_SEATS - len(self._in_air)
        if free <= 0 or self._unrecorded >= _UNRECORDED_MAX or (self._clearing and self._in_air):
            return False
        if self._clearing:
            return await self._try_suspect(sender)
        claimed = await self._insist(claims.claim_due, free) or []
        for claim in claimed:
            self._start_try(claim, sender)
        return bool(claimed)

    async def _try_suspect(self, sender: Sender) -> bool:
        """Nothing else is in the air, and nothing else is claimed until its result is recorded.

        Suspects have their turn for a part of each poll, one at least; then the others have theirs.
        """
        now = asyncio.get_running_loop().time()
        self._turn_ends = self._turn_ends or now + settings.WORKER_POLL_S * _SUSPECTS_SHARE
        claimed = await self._insist(claims.claim_suspect) if now <= self._turn_ends else None
        for claim in claimed or ():
            self._start_try(claim, sender)
        if not claimed:
            self._clearing, self._turn_ends = False, 0.0
        return not claimed

    def _start_try(self, claim: Claim, sender: Sender) -> None:
        if claim.delivery_id in self._in_air:  # our own lease ended while the try is still in the air
            self._keep(self._insist(claims.give_back, [claim]))
            return
        task = asyncio.create_task(self._deliver(claim, sender))
        self._in_air[claim.delivery_id] = task
        task.add_done_callback(partial(self._seat_freed, claim.delivery_id))

    def _seat_freed(self, key: UUID, _: asyncio.Task[None]) -> None:
        awaited = self._clearing or len(self._in_air) >= settings.WORKER_SEATS
        del self._in_air[key]
        if awaited:
            self.wake()

    async def _deliver(self, claim: Claim, sender: Sender) -> None:
        """One try. What fails on our side is given back and uses up no try."""
        try:
            result = await self._try(claim, sender)
        except Exception as error:
            if not isinstance(error, OurFault):
                logger.exception("delivery %s could not be tried", claim.delivery_id)
            result = None
        if result is None:
            await self._insist(claims.give_back, [claim])
            return
        self._unrecorded += 1
        try:
            await self._recorder.submit(result)
        except Exception:  # its lease ends, and another try follows
            logger.exception("delivery %s could not be recorded", claim.delivery_id)
        finally:
            self._unrecorded -= 1

    async def _try(self, claim: Claim, sender: Sender) -> Result | None:
        """None when too little of the lease is left: an expired lease must not be dialled."""
        passed = claims.since_boot() - claim.claimed_mono
        if claim.lease_s - passed < claim.target.timeout_s + settings.DIAL_MARGIN_S:
            return None
        sent_at = claim.claimed_at + timedelta(seconds=passed)
        request = compose(claim, sent_at)
        outcome = Outcome(Error.URL_TOO_LONG) if request is None else await sender.send(request)
        own = claim.target.headers
        long = masking.is_long(outcome, own)
        shown = await asyncio.to_thread(masking.mask, outcome, own) if long else masking.mask(outcome, own)
        return Result(uuid7(), claim, outcome, sent_at, shown)

    async def _record(self, results: Sequence[Result]) -> Sequence[None]:
        """Writes until it is written: a result in hand is worth as much as an event. One bad row is recorded bare."""
        repeated, pause = False, _BACK_OFF_S[0]
        recorded: services.Recorded | None = None
        while recorded is None:
            try:
                recorded = await lane("record").run(partial(services.record, results, repeated=repeated))
            except BAD_DATA:
                if len(results) > 1 or results[0].outcome.error is Error.INTERNAL:
                    raise  # halved by the batcher, until the bad row stands alone
                results = [services.bare(results[0])]
            except Exception as error:  # noqa: BLE001  (whatever the database says, the result stays in hand)
                logger.warning("results wait for the database: %s", type(error).__name__)
                await asyncio.sleep(pause)
                repeated, pause = True, min(pause * 2, _BACK_OFF_S[1])
        self._keep(publish(recorded.entries))
        return [None] * len(results)

    def _keep(self, work: Coroutine[Any, Any, object]) -> None:
        """Runs beside the loop; `stop` waits for it."""
        task = asyncio.create_task(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    async def _insist(self, work: Callable[..., T], *arguments: object) -> T | None:
        """The result; None after a pause when there is none. The engine's loop never ends by an error."""
        try:
            result = await lane("engine").run(work, *arguments)
        except Exception as error:
            if isinstance(error, TRANSIENT):
                logger.warning("the database is away: %s", type(error).__name__)
            else:
                logger.exception("the engine goes on after an error")
            await asyncio.sleep(self._pause)
            self._pause = min(self._pause * 2, _BACK_OFF_S[1])
            return None
        self._pause = _BACK_OFF_S[0]
        return result


# The process's engine, one for each event loop.
current = PerLoop(Engine)
