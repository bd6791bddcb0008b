"""What probes and scrapers ask for, before all else that Django does."""

from django.http import HttpRequest, HttpResponseBase

from apps.common.middleware import AnsweringMiddleware, Page
from datapusher.health import live, ready
from datapusher.metrics import metrics

# With and without a slash at the end.
PAGES: dict[str, Page] = {
    "/health/live": live,
    "/health/ready": ready,
    "/metrics": metrics,
}
# None of them is a page: a browser that is led here shows text, and runs and frames nothing.
_HEADERS = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "X-Content-Type-Options": "nosniff"}


class OperatorsMiddleware(AnsweringMiddleware):
    """They call a process by its address, which is none of ALLOWED_HOSTS, and speak http to it behind whatever speaks https.
    On an event loop they are answered there: pages whose threads wait for the database keep nobody from asking."""

    def page(self, request: HttpRequest) -> Page | None:
        answer = PAGES.get(request.path_info.removesuffix("/"))
        if answer is None:
            return None

        async def guarded(request: HttpRequest) -> HttpResponseBase:
            response = await answer(request)
            for name, value in _HEADERS.items():
                response[name] = value
            return response

        return guarded
