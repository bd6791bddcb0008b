"""What Django answers outside of any view: a page to a browser, the envelope to a REST client."""

import sys

from django.http import HttpRequest, HttpResponse
from django.template.loader import get_template
from django.views import defaults

from apps.common.api.envelope import Failure
from apps.common.lanes import TRANSIENT

_API = "/api/"


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(_API):
        return Failure(404, "not_found").plain()
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """503 when it was the database that did not answer: whoever asks again soon may be answered."""
    away = isinstance(sys.exc_info()[1], TRANSIENT)
    if request.path.startswith(_API):
        return (
            Failure(503, "unavailable", headers={"Retry-After": "1"}).plain() if away else Failure(500, "server_error").plain()
        )
    if away:
        page = get_template("503.html").render()  # without the request: who asks stands in the database
        return HttpResponse(page, status=503, headers={"Retry-After": "1"})
    return defaults.server_error(request)
