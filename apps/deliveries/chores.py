"""Work that nobody waits for, beside the engine: a step of each chore at a time, each a small transaction."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from django.conf import settings

from apps.common.batches import BATCH
from apps.common.batching import PerLoop
from apps.common.lanes import TRANSIENT, lane
from apps.deliveries.disabling import disable_failing, send_notices
from apps.deliveries.exports import write_exports
from apps.deliveries.holding import bring_back
from apps.deliveries.purging import cancel_deleted, purge, remove_exports
from apps.deliveries.replaying import clear_cancelled, replay_some
from apps.deliveries.retention import Step, expire_held, remove_events, remove_logs, remove_replays, remove_sums
from apps.deliveries.signals import tidying
from apps.deliveries.vitals import forget
from apps.events.services import INDEXED_AT_ONCE, index_waiting
from apps.logs.services import SLIPS_AT_ONCE, book, look_for_room, roll_up
from apps.users.services import forget_ended_sessions, forget_ended_sign_ins

logger = logging.getLogger(__name__)

# Seconds until a chore that failed is tried again: doubled from the first to the second.
_BACK_OFF_S = (1.0, 60.0)
# After each step a rest of this many times its own length, so that chores take a third of a writer's time at most.
_REST = 2.0


@dataclass(frozen=True, slots=True)
class Chore:
    """`step` is one small transaction; returns the number of rows handled. With `full` or more, it goes on at once."""

    name: str
    step: Callable[[], int]
    every_s: float = 1.0
    full: int = BATCH
    lane: str = "chores"
    """The chores of a lane are taken in turns; one that waits for somebody outside has a lane of its own."""


def _tidy() -> int:
    """What apps to the right keep for a time."""
    return max((int(done or 0) for _, done in tidying.send(sender=Chore)), default=0)


def _walk(step: Callable[[], Step]) -> Callable[[], int]:
    """A step of a round: 1 while it goes on."""
    return lambda: int(step().more)


CHORES: tuple[Chore, ...] = (
    Chore("bring back held", bring_back),
    Chore("cancel deleted", cancel_deleted),
    Chore("replay", replay_some, full=1),
    Chore("cancel replays", clear_cancelled),
    Chore("disable failing", disable_failing, every_s=60.0, full=100),
    Chore("send notices", send_notices, every_s=5.0, full=1, lane="mail"),
    Chore("index words", index_waiting, full=INDEXED_AT_ONCE),
    # Stats add what is not tallied yet; of accounts that log little, more of it comes together for each tally this way.
    Chore("tally busy accounts", partial(roll_up, at_least=500)),
    Chore("tally logs", roll_up, every_s=10.0),
    Chore("book the ledger", book, full=SLIPS_AT_ONCE),
    Chore("look for room", look_for_room, every_s=5.0),
    Chore("write exports", write_exports, full=1),
    Chore("remove exports", remove_exports, every_s=60.0, full=1),
    Chore("forget sign-ins", forget_ended_sign_ins, every_s=60.0),
    Chore("forget sessions", forget_ended_sessions, every_s=600.0),
    Chore("forget processes", forget, every_s=600.0),
    Chore("tidy", _tidy, every_s=60.0),
    Chore("purge", purge, every_s=3600.0, full=1),
    Chore("expire what is held", _walk(expire_held), every_s=600.0, full=1),
    Chore("remove old logs", _walk(remove_logs), every_s=60.0, full=1),
    Chore("remove old events", _walk(remove_events), every_s=60.0, full=1),
    Chore("remove old sums", _walk(remove_sums), every_s=3600.0, full=1),
    Chore("remove ended replays", _walk(remove_replays), every_s=3600.0, full=1),
)


class Chores:
    """One a process. `start`, then `stop`. Several processes share the work: each step takes rows that nobody holds."""

    def __init__(self, chores: tuple[Chore, ...] = CHORES) -> None:
        self._due = dict.fromkeys(chores, 0.0)  # by the loop's clock
        self._failed = dict.fromkeys(chores, _BACK_OFF_S[0])
        self._stopping = asyncio.Event()
        self._tasks = set[asyncio.Task[None]]()

    def start(self) -> None:
        if not self._tasks:
            self._tasks = {asyncio.create_task(self._run(each), name=each) for each in {chore.lane for chore in self._due}}

    async def stop(self) -> None:
        """Lets the step that is under way end, and returns within WORKER_STOP_S: nothing is half done."""
        self._stopping.set()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=settings.WORKER_STOP_S)
        for task in self._tasks:
            task.cancel()

    async def _run(self, lane_name: str) -> None:
        clock = asyncio.get_running_loop().time
        own = [chore for chore in self._due if chore.lane == lane_name]
        while not self._stopping.is_set():
            chore = min(own, key=lambda each: self._due[each])
            await self._rest(self._due[chore] - clock())
            if self._stopping.is_set():
                return
            began = clock()
            wait = await self._step(chore)
            ended = clock()
            self._due[chore] = ended + wait
            await self._rest((ended - began) * _REST)

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                await self._stopping.wait()

    async def _step(self, chore: Chore) -> float:
        """Seconds until the next step of this chore. The loop never ends by an error."""
        try:
            done = await lane(chore.lane).run(chore.step)
        except Exception as error:
            if isinstance(error, TRANSIENT):
                logger.warning("%s: the database is away: %s", chore.name, type(error).__name__)
            else:
                logger.exception("%s: failed, is tried again", chore.name)
            wait = self._failed[chore]
            self._failed[chore] = min(wait * 2, _BACK_OFF_S[1])
            return wait
        self._failed[chore] = _BACK_OFF_S[0]
        return 0.0 if done >= chore.full else chore.every_s


# The process's chores, one for each event loop.
current = PerLoop(Chores)
