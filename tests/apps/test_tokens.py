"""Unknown tokens: an address that guesses is looked up in a line of its own, and refused nothing that is valid."""

import asyncio
from collections.abc import Sequence

import pytest

from apps.common.ids import uuid7
from apps.ingest import tokens
from apps.ingest.tokens import Misses, Owner, TokenCache

VALID = Owner(uuid7(), 5, False, 1)


class LookUp:
    """Knows the digest b"valid". `gate` holds back who asks for b"stuck"."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.batches: list[list[bytes]] = []
        self.gate = asyncio.Event()
        monkeypatch.setattr(TokenCache, "_look_up", self.look_up)
        monkeypatch.setattr(tokens, "_MISSES_MAX", 3)

    async def look_up(self, digests: Sequence[bytes]) -> list[Owner | None]:
        self.batches.append(list(digests))
        if b"stuck" in digests:
            await self.gate.wait()
        return [VALID if digest == b"valid" else None for digest in digests]


@pytest.fixture
async def look_up(monkeypatch: pytest.MonkeyPatch) -> LookUp:
    return LookUp(monkeypatch)


async def guess(cache: TokenCache, number: int) -> None:
    for each in range(number):
        assert await cache.owner(b"unknown-%d" % each, "guesser") is None


async def test_a_miss_is_never_kept(look_up: LookUp) -> None:
    cache = TokenCache()
    await guess(cache, 1)
    await guess(cache, 1)
    assert look_up.batches == [[b"unknown-0"]] * 2


async def test_guesses_wait_for_each_other_and_nobody_else_for_them(look_up: LookUp) -> None:
    cache = TokenCache()
    await guess(cache, 3)
    guesses = [asyncio.create_task(cache.owner(digest, "guesser")) for digest in (b"stuck", b"a", b"b", b"valid")]
    async with asyncio.timeout(5):
        assert [await cache.owner(digest, "somebody") for digest in (b"valid", b"other")] == [VALID, None]
    assert [b"stuck", b"a", b"b", b"valid"] in look_up.batches
    more = [asyncio.create_task(cache.owner(b"more-%d" % number, "guesser")) for number in range(50)]
    await asyncio.sleep(0.01)
    assert len(look_up.batches) == 6
    look_up.gate.set()
    assert await asyncio.gather(*guesses) == [None, None, None, VALID]
    await asyncio.gather(*more)
    assert len(look_up.batches) == 7


async def test_a_known_token_of_an_address_that_guesses_passes_at_once(look_up: LookUp) -> None:
    cache = TokenCache()
    assert await cache.owner(b"valid", "guesser") == VALID
    await guess(cache, 3)
    stuck = asyncio.create_task(cache.owner(b"stuck", "guesser"))
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        assert await cache.owner(b"valid", "guesser") == VALID
    look_up.gate.set()
    await stuck


def test_misses_are_forgotten_with_their_window_and_bounded_in_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_MISSES_MAX", 1)
    monkeypatch.setattr(tokens, "_ADDRESSES_MAX", 2)
    misses = Misses()
    for address in "abc":
        misses.note(address)
    assert [misses.many(address) for address in "abc"] == [False, False, True]
    misses._ends = 0.0
    assert not misses.many("c")
