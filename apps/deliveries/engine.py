"""The worker: seats before claims, a sender, a recorder; wakes by the doorbell, polls at least every second."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings

from apps.common.batching import PerLoop
from apps.common.ids import uuid7
from apps.common.lanes import TRANSIENT, lane
from apps.common.metrics import CLAIM_SECONDS, CLAIMED, CLAIMS, GIVEN_BACK, IN_AIR, KEPT, LEASES_LOST
from apps.deliveries import admission, claims, masking, tracing, vitals
from apps.deliveries.compose import compose
from apps.deliveries.gates import mark_slow
from apps.deliveries.lanes import Lanes
from apps.deliveries.outbound import Outbound
from apps.deliveries.recorder import Recorder
from apps.deliveries.request import Claim, Error, OutboundRequest, Outcome, Result
from apps.deliveries.sender import OurFault, Sender
from apps.deliveries.services import Recorded
from apps.logs.broadcast import publish

logger = logging.getLogger(__name__)
T = TypeVar("T")

# Seconds between tries to reach a database that is away: doubled from the first to the second.
_BACK_OFF_S = (0.05, 1.0)
# Seconds at least between two looks at what may be let through, also when no seat is free.
_LOOK_S = 0.02
# Seconds between two looks at which destinations hang, while anything is in the air.
_SLOW_LOOK_S = 0.25
# The part of each poll in which suspects are tried one by one, while others wait.
_SUSPECTS_SHARE = 0.5
# A suspect gives up its turn when slow tries are still in the air after a poll: for so many seconds, and so many times. Then
# nothing more is claimed until they have ended.
_YIELD_S = 15.0
_YIELDS = 3
# Bytes of a body from which composing and signing take milliseconds; 1 MiB as a GET's query took 150.
_LARGE = 16_384
# Tries that begin in one turn of the event loop: in the one process that does all, posts have their turns in between.
_AT_ONCE = 5
# Ids in the line that says what was left at the stop.
_NAMED_MAX = 100


class Engine:
    """One a process. `start`, then `wake` as often as you like, then `stop`."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()
        self._stopping = False
        self._next_look = self._next_beat = 0.0  # by the loop's clock
        self._turn_ends = 0.0  # of the suspects, by the same clock; 0: not begun
        self._clearing = False  # a suspect waits for this worker to hold nothing else
        self._suspect: UUID | None = None  # the one that was claimed last
        self._gives_up = self._next_turn = 0.0  # a suspect that waits, by the same clock
        self._yielded = 0
        self._loop_task: asyncio.Task[None] | None = None
        self._in_air = set[UUID]()
        self._lanes = Lanes()
        self._left_out = frozenset[UUID]()  # accounts that have their share of the seats, at the last claim
        self._next_slow = 0.0  # by the loop's clock: when to look for destinations that hang
        self._beside: set[asyncio.Task[object]] = set()
        self._pause = _BACK_OFF_S[0]
        self._recorder = Recorder(self._announce)

    def start(self) -> None:
        """Idempotent: also the first doorbell of a process without our command starts it."""
        if self._loop_task is None:
            self._loop_task = asyncio.create_task(self._run(), name="deliveries-engine")

    def wake(self) -> None:
        self._woken.set()

    async def stop(self) -> None:
        """Claims nothing more, lets what is in the air end and be recorded, and returns within WORKER_STOP_S."""
        self._stopping = True
        self.wake()
        if self._loop_task is None:
            return
        await asyncio.wait({self._loop_task}, timeout=settings.WORKER_STOP_S)
        if left := {*self._in_air, *self._recorder.kept}:
            ids = ", ".join(map(str, sorted(left)[:_NAMED_MAX]))
            logger.error("stopped with %d deliveries not recorded; they go out again when their leases end: %s", len(left), ids)
        for task in {self._loop_task, *self._beside}:
            task.cancel()

    async def _run(self) -> None:
        logger.info("worker started: %d seats", settings.WORKER_SEATS)
        async with Outbound() as sender:
            while not self._stopping:
                self._woken.clear()
                try:
                    await self._look_around()
                    more = await self._fill_seats(sender)
                except Exception:
                    logger.exception("the engine goes on after an error")
                    more = False
                if not more:
                    await self._rest()
            while self._beside:
                await asyncio.wait(self._beside)
        logger.info("worker stopped")

    def _announce(self, recorded: Recorded) -> None:
        """After the commit."""
        self._keep(publish(recorded.entries))
        if admission.due():  # a place at a limited destination is free
            self.wake()

    async def _rest(self) -> None:
        """Until the doorbell, a seat that was waited for, something that may be let through, or the poll."""
        wait = min(_SLOW_LOOK_S if self._in_air else settings.WORKER_POLL_S, max(_LOOK_S, admission.next_look_s()))
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._woken.wait()

    async def _look_around(self) -> None:
        """At the start and then once a poll, however busy: what dead workers left, and whether a suspect waits."""
        now = asyncio.get_running_loop().time()
        if now >= self._next_slow:
            late, self._next_slow = now - self._next_slow, now + _SLOW_LOOK_S
            # Who looks late stood still itself: what seems to hang may have answered.
            if (slow := self._lanes.hanging(now)) and late < settings.WORKER_SLOW_S / 2:
                await self._insist(mark_slow, slow)
        if now < self._next_look:
            return
        self._next_look = now + settings.WORKER_POLL_S
        LEASES_LOST.inc(await self._insist(claims.sweep) or 0)
        if now >= self._next_beat and await self._insist(vitals.beat_of_worker):
            self._next_beat = now + vitals.BEAT_S
        if not self._clearing and now >= self._next_turn and await self._insist(claims.suspect_due):
            self._clearing, self._gives_up = True, now + settings.WORKER_POLL_S

    async def _fill_seats(self, sender: Sender) -> bool:
        """Claims for the free seats. True when there may be more: look again at once."""
        free = self._free()
        if free <= 0 or self._recorder.behind or (self._clearing and self._must_wait()):
            return False
        if self._clearing:
            return await self._try_suspect(sender)
        began = asyncio.get_running_loop().time()
        self._left_out = self._lanes.crowding(free)
        claim = partial(claims.claim_due, free, each=self._lanes.share(free), without=self._left_out)
        if (claimed := await self._insist(claim)) is None:
            return False
        _count(len(claimed), asyncio.get_running_loop().time() - began)
        for number, each in enumerate(claimed):
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)
            self._start_try(each, sender)
        IN_AIR.set(len(self._in_air))
        KEPT.set(len(self._recorder.kept))
        return bool(claimed)

    def _free(self) -> int:
        return self._lanes.free(asyncio.get_running_loop().time())

    def _must_wait(self) -> bool:
        """Whether a suspect waits for what is under way, or the others for a suspect. A result that waits for somebody's
        lock is waited for as long as slow tries are: then the suspect may cost that result, but no longer everybody's time."""
        if self._turn_ends:
            return bool(self._in_air) or self._suspect in self._recorder.kept
        insists = self._yielded >= _YIELDS
        if not self._in_air and (insists or not self._recorder.kept):
            return False
        now = asyncio.get_running_loop().time()
        if insists or now < self._gives_up:
            return True
        self._clearing, self._next_turn, self._yielded = False, now + _YIELD_S, self._yielded + 1
        return False

    async def _try_suspect(self, sender: Sender) -> bool:
        """Nothing else is in the air, and nothing else is claimed until its result is recorded.

        Suspects have their turn for a part of each poll, one at least; then the others have theirs.
        """
        now = asyncio.get_running_loop().time()
        self._turn_ends = self._turn_ends or now + settings.WORKER_POLL_S * _SUSPECTS_SHARE
        claimed = await self._insist(claims.claim_suspect) if now <= self._turn_ends else None
        for claim in claimed or ():
            self._suspect = claim.delivery_id
            self._start_try(claim, sender)
        if not claimed:
            self._clearing, self._turn_ends, self._yielded = False, 0.0, 0
        return not claimed

    def _start_try(self, claim: Claim, sender: Sender) -> None:
        if claim.delivery_id in self._in_air or claim.delivery_id in self._recorder.kept:  # our own lease ended meanwhile
            self._keep(self._insist(claims.give_back, [claim]))
            return
        self._lanes.enter(claim.delivery_id, claim.target.id, claim.account_id, asyncio.get_running_loop().time())
        self._in_air.add(claim.delivery_id)
        self._keep(self._deliver(claim, sender))

    def _free_seat(self, key: UUID) -> None:
        awaited = self._clearing or self._free() <= 0
        self._in_air.remove(key)
        self._lanes.leave(key)
        if awaited or (self._left_out and not self._left_out <= self._lanes.crowding(self._free())):
            self.wake()

    async def _deliver(self, claim: Claim, sender: Sender) -> None:
        """One try. What fails on our side is given back and uses up no try."""
        began = claims.since_boot()
        try:
            result = await self._try(claim, sender)
        except Exception as error:
            if not isinstance(error, OurFault):
                logger.exception("delivery %s could not be tried", claim.delivery_id, extra=_named(claim))
            result = None
        if result is None:
            GIVEN_BACK.inc()
            await self._insist(claims.give_back, [claim])
        self._free_seat(claim.delivery_id)
        if result is not None:
            ended = claims.since_boot()
            await self._record(result)
            tracing.tried(result, began, ended)

    async def _record(self, result: Result) -> None:
        """Its seat is free while the database takes its time."""
        try:
            await self._recorder.submit(result)
        except Exception:  # its lease ends, and another try follows
            logger.exception("delivery %s could not be recorded", result.claim.delivery_id, extra=_named(result.claim))
        if self._clearing:
            self.wake()

    async def _try(self, claim: Claim, sender: Sender) -> Result | None:
        """None when too little of the lease is left: an expired lease must not be dialled."""
        request, sent_at = await _beside_if(len(claim.body) > _LARGE, _compose_now, claim)
        if claim.lease_s - _passed(claim) < claim.target.timeout_s + settings.DIAL_MARGIN_S:
            return None
        outcome = Outcome(Error.URL_TOO_LONG) if request is None else await sender.send(request)
        own = claim.target.headers
        shown = await _beside_if(masking.is_long(outcome, own), masking.mask, outcome, own)
        return Result(uuid7(), claim, outcome, sent_at, shown)

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


def _named(claim: Claim) -> dict[str, str]:
    """Whose line it is."""
    return {"delivery_id": str(claim.delivery_id), "event_id": str(claim.event), "account": str(claim.account_id)}


def _count(claimed: int, seconds: float) -> None:
    CLAIMS.labels("some" if claimed else "none").inc()
    CLAIMED.inc(claimed)
    CLAIM_SECONDS.observe(seconds)


def _passed(claim: Claim) -> float:
    """Seconds since it was claimed."""
    return claims.since_boot() - claim.claimed_mono


def _compose_now(claim: Claim) -> tuple[OutboundRequest | None, datetime]:
    """The request, and when it was signed, by the database's clock."""
    sent_at = claim.claimed_at + timedelta(seconds=_passed(claim))
    return compose(tracing.handed_on(claim), sent_at), sent_at


async def _beside_if(heavy: bool, work: Callable[..., T], *arguments: object) -> T:
    """The result of work that needs no database; what is heavy must not hold up the event loop."""
    return await lane("heavy").run(work, *arguments) if heavy else work(*arguments)


# The process's engine, one for each event loop.
current = PerLoop(Engine)
