"""A sender that does as the contract says: what was not answered is sent again under the same event id."""

import asyncio
from collections import Counter
from collections.abc import Iterable

import aiohttp


async def _send(session: aiohttp.ClientSession, url: str, token: str, event_id: str, answers: Counter[int]) -> None:
    headers = {"CL-X-TOKEN": token, "CL-X-EVENT-ID": event_id, "Content-Type": "application/json"}
    body = b'{"id": "%s", "total": 1.10}' % event_id.encode()
    while True:
        try:
            async with session.post(f"{url}/server/incoming_data", data=body, headers=headers) as answer:
                answers[answer.status] += 1
                if answer.status in {200, 202}:
                    return
        except (aiohttp.ClientError, TimeoutError):
            answers[0] += 1
        await asyncio.sleep(0.2)


async def send_all(url: str, token: str, event_ids: Iterable[str], at_once: int = 16) -> Counter[int]:
    """Posts each until it is known to be stored. Returns how often each status came; 0: no answer."""
    answers: Counter[int] = Counter()
    waiting = iter(event_ids)
    timeout = aiohttp.ClientTimeout(total=10)

    async def one_after_the_other(session: aiohttp.ClientSession) -> None:
        for event_id in waiting:
            await _send(session, url, token, event_id, answers)

    async with aiohttp.ClientSession(timeout=timeout) as session:
        await asyncio.gather(*(one_after_the_other(session) for _ in range(at_once)))
    return answers
