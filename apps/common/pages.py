"""What every page below an account does: who is not signed in goes to sign in and comes back; what may not be seen is 404."""

import math
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeAlias
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from apps.common.errors import Missing, NotAllowed, TooMany

P = ParamSpec("P")
View: TypeAlias = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def page(view: View[P]) -> View[P]:
    """Only read."""
    return _dressed(view, "GET", "HEAD")


def form(view: View[P]) -> View[P]:
    """Shown, and posted to the same address."""
    return _dressed(view, "GET", "HEAD", "POST")


def action(back: str, *named: str) -> Callable[[View[P]], View[P]]:
    """Only posted to. Whoever comes by a link, as after signing in again in between, is led `back` to the page with the
    button: the route's name, and which of the view's arguments it takes."""

    def dress(view: View[P]) -> View[P]:
        @wraps(view)
        def posted(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if request.method == "POST":
                return view(request, *args, **kwargs)
            messages.warning(request, "Nothing was done. Press the button again.")
            return redirect(reverse(back, kwargs={name: kwargs[name] for name in named}))

        return _dressed(posted, "GET", "HEAD", "POST")

    return dress


def _dressed(view: View[P], *methods: str) -> View[P]:
    @wraps(view)
    def answered(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except Missing as error:
            raise Http404 from error
        except NotAllowed as error:
            raise PermissionDenied from error
        except TooMany as error:
            return _wait(request, error)

    dressed: View[P] = never_cache(login_required(require_http_methods(methods)(answered)))
    return dressed


def _wait(request: HttpRequest, error: TooMany) -> HttpResponse:
    seconds = max(1, math.ceil(error.wait_s))
    answer = render(request, "429.html", {"wait": seconds if seconds < 120 else 0, "minutes": seconds // 60}, status=429)
    answer["Retry-After"] = str(seconds)
    return answer


def given_id(text: str) -> UUID | None:
    """The id that a form sends; None for what is none."""
    try:
        return UUID(text)
    except ValueError:
        return None
