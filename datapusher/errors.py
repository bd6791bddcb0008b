"""What Django answers outside of any view: a page to a browser, the envelope to a REST client."""

from django.http import HttpRequest, HttpResponse
from django.views import defaults

from apps.common.api.envelope import Failure

_API = "/api/"


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(_API):
        return Failure(404, "not_found").plain()
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    if request.path.startswith(_API):
        return Failure(500, "server_error").plain()
    return defaults.server_error(request)
