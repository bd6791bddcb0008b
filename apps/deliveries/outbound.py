"""The ways out: one to everywhere, and one of its own to our inboxes, for which alone our own listeners are open."""

from apps.deliveries.network import guard, inbox_key
from apps.deliveries.request import OutboundRequest, Outcome
from apps.deliveries.sender import Sender


class Outbound(Sender):
    """Looks names up as it is made."""

    def __init__(self) -> None:
        super().__init__(guard())
        self._to_inbox = Sender(guard(to_inbox=True))

    async def __aenter__(self) -> "Outbound":
        await super().__aenter__()
        await self._to_inbox.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._to_inbox.__aexit__(*error)
        await super().__aexit__(*error)

    async def send(self, request: OutboundRequest) -> Outcome:
        if inbox_key(request.url):
            return await self._to_inbox.send(request)
        return await super().send(request)
