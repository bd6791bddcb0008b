"""The request id within Django, on every server: our ASGI front gives it, else it is chosen here. And what middleware that
answers by itself has in common."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from asgiref.sync import async_to_sync, iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from apps.common import context, request_id

GetResponse = Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]
Page = Callable[[HttpRequest], Coroutine[Any, Any, HttpResponseBase]]


class AnsweringMiddleware(ABC):
    """Answers those requests that have a `page` here, on the event loop where there is one, and hands the others on."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        page = self.page(request)
        if page is None:
            return self._get_response(request)
        return page(request) if iscoroutinefunction(self._get_response) else async_to_sync(page)(request)

    @abstractmethod
    def page(self, request: HttpRequest) -> Page | None:
        """None: it is no request of ours."""


class RequestIdMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.COOKIES.get(settings.SESSION_COOKIE_NAME, "x").isalnum():
            del request.COOKIES[settings.SESSION_COOKIE_NAME]  # not of our making; PostgreSQL fails on a NUL in it
        if "\x00" in request.META.get("HTTP_USER_AGENT", ""):
            request.META["HTTP_USER_AGENT"] = ""  # it is kept with each session, and PostgreSQL fails on a NUL
        identity = request_id.choose(request.headers.get("X-Request-ID", ""))
        context.request_id.set(identity)
        response = self._get_response(request)
        response["X-Request-ID"] = identity
        return response
