"""A batch is bounded by what it writes, so that one account's fan-out does not hold up everybody's posts."""

import asyncio
from collections.abc import Sequence

from apps.common.batching import Batcher
from apps.common.ids import uuid7
from apps.events.models import NewEvent
from apps.ingest.batch import Post
from apps.ingest.services import _weight


async def test_a_batch_makes_at_most_five_thousand_deliveries() -> None:
    made: list[int] = []

    async def flush(posts: Sequence[Post]) -> Sequence[None]:
        made.append(sum(post.fan_out for post in posts))
        await asyncio.sleep(0)
        return [None] * len(posts)

    batcher: Batcher[Post, None] = Batcher(flush, weigh=_weight)
    event = NewEvent(uuid7(), "e1", b"", b"", size=300)
    wide, narrow = Post(b"", event, 1000), Post(b"", event, 1)
    await asyncio.gather(*(batcher.submit(post) for post in [wide] * 30 + [narrow] * 400))
    assert sum(made) == 30_400
    assert max(made) <= 5000
