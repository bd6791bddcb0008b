"""token -> account, for the checks before the body is read. What is stored is decided by the store's own look.

A hit is kept for a moment; a miss never, so that a new token works at once. One that is older is looked up again together with
others of its kind, which nobody waits for: of a thousand senders who post every few seconds each would wait for a look-up every
time. That an account is full (MAX_WAITING_PER_ACCOUNT) comes with the hit: it trails by that moment, and by the second or two
by which the counting of what waits is behind.
An address that sends many unknown tokens is never refused for that, since good senders may stand behind it too: it only has
no look-ups beside each other any more.
"""

import asyncio
import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from apps.accounts.selectors import TokenOwner, token_owners
from apps.common.batching import Batcher
from apps.common.lanes import TRANSIENT, lane
from apps.destinations.selectors import counts

logger = logging.getLogger(__name__)

# Seconds until a hit is looked up again, and until it counts for nothing.
_FRESH_S = 5.0
_KEPT_S = 30.0
# Seconds in which those gather that are looked up again.
_GATHER_S = 0.5
_KEPT_MAX = 50_000
# Unknown tokens of an address in a minute, from which on its look-ups wait in a line with those of its kind.
_MISSES_MAX = 100
_WINDOW_S = 60.0
_ADDRESSES_MAX = 50_000


@dataclass(frozen=True, slots=True)
class Owner(TokenOwner):
    fan_out: int
    """To how many destinations each post goes."""


class Misses:
    """Unknown tokens of each address within the present window. Who comes with very many addresses is counted anew."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._ends = 0.0

    def note(self, address: str) -> None:
        now = time.monotonic()
        if now > self._ends or len(self._counts) >= _ADDRESSES_MAX:
            self._counts.clear()
            self._ends = now + _WINDOW_S
        self._counts[address] += 1

    def many(self, address: str) -> bool:
        return self._counts[address] >= _MISSES_MAX and time.monotonic() <= self._ends


class TokenCache:
    """One for each event loop. Look-ups that miss at the same time become one query."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, tuple[float, Owner]] = OrderedDict()
        """Digest -> when it was looked up, by the monotonic clock, and what came of it."""
        self._old: set[bytes] = set()
        self._renewing: asyncio.Task[None] | None = None
        self._misses = Misses()
        self._batcher: Batcher[bytes, Owner | None] = Batcher(self._look_up, flushers=2)
        # One look-up at a time for all addresses that guess, however many they are: the others' never wait for them.
        self._guessed: Batcher[bytes, Owner | None] = Batcher(self._look_up)

    async def owner(self, digest: bytes, address: str) -> Owner | None:
        """The account of the token, None when no valid token has this digest. Raises a TRANSIENT error of the database."""
        looked_up, kept = self._kept.get(digest, (0.0, None))
        age = time.monotonic() - looked_up
        if kept is not None and (age < _FRESH_S or (age < _KEPT_S and not kept.full)):
            if age >= _FRESH_S:
                self._renew_soon(digest)
            return kept
        owner = await (self._guessed if self._misses.many(address) else self._batcher).submit(digest)
        if owner is None:
            self._misses.note(address)
        self._keep(digest, owner)
        return owner

    def forget(self, digest: bytes) -> None:
        self._kept.pop(digest, None)

    def _keep(self, digest: bytes, owner: Owner | None) -> None:
        self._kept.pop(digest, None)
        if owner is not None:
            self._kept[digest] = time.monotonic(), owner
            if len(self._kept) > _KEPT_MAX:
                self._kept.popitem(last=False)

    def _renew_soon(self, digest: bytes) -> None:
        self._old.add(digest)
        if self._renewing is None:
            self._renewing = asyncio.create_task(self._renew())

    async def _renew(self) -> None:
        """What cannot be looked up stays as it is, until it counts for nothing."""
        try:
            while self._old:
                await asyncio.sleep(_GATHER_S)
                digests, self._old = self._old, set()
                found = await lane("read").run(_owners, digests)
                for digest in digests:
                    self._keep(digest, found.get(digest))
        except TRANSIENT as error:
            logger.warning("tokens were not looked up again: %s", type(error).__name__)
        finally:
            self._renewing = None

    @staticmethod
    async def _look_up(digests: Sequence[bytes]) -> list[Owner | None]:
        found = await lane("read").run(_owners, set(digests))
        return [found.get(digest) for digest in digests]


def _owners(digests: set[bytes]) -> dict[bytes, Owner]:
    owners = token_owners(digests)
    fan_out = counts({owner.account_id for owner in owners.values()})
    return {
        digest: Owner(owner.account_id, owner.ingest_rate, owner.full, fan_out.get(owner.account_id, 0))
        for digest, owner in owners.items()
    }
