"""Which path and which channel goes where."""

from collections.abc import Awaitable, Callable

from channels.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path, re_path

from apps.deliveries.doorbell import CHANNEL
from apps.ingest.services import PATHS
from consumers.access import AccessLog, Application, Message, Scope
from consumers.deliveries import DeliveriesConsumer
from consumers.ingest import ingest
from consumers.monitor import MonitorConsumer

Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def front(django: Application) -> Application:
    """HTTP: the senders' lane before Django, everything else to Django."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await (ingest if scope["path"] in PATHS else django)(scope, receive, send)

    return application


async def no_such_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """Refuses the handshake."""
    await receive()
    await send({"type": "websocket.close"})


application = AccessLog(
    ProtocolTypeRouter(
        {
            "http": front(get_asgi_application()),
            "websocket": URLRouter(
                [
                    path("ws/accounts/<uuid:account_id>/logs/", MonitorConsumer.as_asgi()),
                    re_path("", no_such_socket),
                ]
            ),
            "channel": ChannelNameRouter({CHANNEL: DeliveriesConsumer.as_asgi()}),
        }
    )
)
