"""Which path and which channel goes where."""

from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.urls import path, re_path

from apps.deliveries.doorbell import CHANNEL
from apps.ingest.services import PATHS
from consumers.access import AccessLog
from consumers.asgi import Application, Receive, Scope, Send
from consumers.deliveries import DeliveriesConsumer
from consumers.ingest import asks_first, ingest
from consumers.monitor import MonitorConsumer
from consumers.proxies import Proxies


def front(django: Application) -> Application:
    """HTTP: the senders' lane before Django, everything else to Django."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await (ingest if scope["path"] in PATHS and not asks_first(scope) else django)(scope, receive, send)

    return application


class NoSuchSocket(AsyncWebsocketConsumer):
    """Refuses the handshake."""

    async def connect(self) -> None:
        await self.close()


application = Proxies(
    AccessLog(
        ProtocolTypeRouter(
            {
                "http": front(get_asgi_application()),
                "websocket": URLRouter(
                    [
                        path("ws/accounts/<uuid:account_id>/logs/", MonitorConsumer.as_asgi()),
                        re_path("", NoSuchSocket.as_asgi()),
                    ]
                ),
                "channel": ChannelNameRouter({CHANNEL: DeliveriesConsumer.as_asgi()}),
            }
        )
    ),
    settings.TRUSTED_PROXIES,
)
