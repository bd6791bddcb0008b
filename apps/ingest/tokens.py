"""token -> account, for the checks before the body is read. What is stored is decided by the store's own look.

A hit is kept for a moment; a miss never, so that a new token works at once.
"""

import time
from collections import OrderedDict
from collections.abc import Sequence

from apps.accounts.selectors import TokenOwner, token_owners
from apps.common.batching import Batcher
from apps.common.lanes import lane

_KEPT_S = 5.0
_KEPT_MAX = 50_000


class TokenCache:
    """One for each event loop. Look-ups that miss at the same time become one query."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, tuple[float, TokenOwner]] = OrderedDict()
        self._batcher: Batcher[bytes, TokenOwner | None] = Batcher(self._look_up, flushers=2)

    async def owner(self, digest: bytes) -> TokenOwner | None:
        """The account of the token, None when no valid token has this digest. Raises a TRANSIENT error of the database."""
        kept = self._kept.get(digest)
        if kept is not None and kept[0] > time.monotonic():
            return kept[1]
        self._kept.pop(digest, None)
        owner = await self._batcher.submit(digest)
        if owner is not None:
            self._kept[digest] = (time.monotonic() + _KEPT_S, owner)
            if len(self._kept) > _KEPT_MAX:
                self._kept.popitem(last=False)
        return owner

    def forget(self, digest: bytes) -> None:
        self._kept.pop(digest, None)

    @staticmethod
    async def _look_up(digests: Sequence[bytes]) -> list[TokenOwner | None]:
        owners = await lane("read").run(token_owners, set(digests))
        return [owners.get(digest) for digest in digests]
