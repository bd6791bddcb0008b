"""The OpenAPI document, and the two pages that show it. Open to anybody: they hold nothing that is not in the repository."""

from functools import cache
from hashlib import sha256

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.encoding import force_bytes
from django.views.decorators.cache import cache_control
from django.views.decorators.http import condition, require_safe
from django.views.decorators.vary import vary_on_headers
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer

from apps.common.api.envelope import Failure

# Seconds that a browser or a proxy may show an older one: a new release is seen within them.
_FRESH_S = 300
_RENDERERS = {
    "application/vnd.oai.openapi": OpenApiYamlRenderer,
    "application/yaml": OpenApiYamlRenderer,
    "application/vnd.oai.openapi+json": OpenApiJsonRenderer,
    "application/json": OpenApiJsonRenderer,
}
# Swagger UI and ReDoc write <style> elements; ReDoc searches in a worker that it makes itself. These two pages only.
_POLICY = settings.SECURE_CSP | {"style-src": ["'self'", "'unsafe-inline'"], "worker-src": ["'self'", "blob:"]}


@cache
def _document(media_type: str) -> tuple[bytes, str]:
    """The bytes and their ETag: the same as long as the process lives."""
    content = SchemaGenerator().get_schema(request=None, public=True)
    body = force_bytes(_RENDERERS[media_type]().render(content, renderer_context={}))
    return body, f'"{sha256(body).hexdigest()[:32]}"'


def _wanted(request: HttpRequest) -> str | None:
    return request.get_preferred_type([*_RENDERERS])


def _etag(request: HttpRequest) -> str | None:
    wanted = _wanted(request)
    return _document(wanted)[1] if wanted else None


@require_safe
@cache_control(public=True, max_age=_FRESH_S)
@vary_on_headers("Accept")
@condition(etag_func=_etag)
def schema(request: HttpRequest) -> HttpResponse:
    """YAML, or JSON for whom `Accept` prefers it."""
    wanted = _wanted(request)
    if wanted is None:
        return Failure(406, "not_acceptable").plain()
    return HttpResponse(_document(wanted)[0], content_type=wanted)


def _page(request: HttpRequest, template: str) -> HttpResponse:
    page = render(request, template)
    page["Content-Security-Policy"] = "; ".join(f"{name} {' '.join(sources)}" for name, sources in _POLICY.items())
    return page


@require_safe
@cache_control(public=True, max_age=_FRESH_S)
def swagger(request: HttpRequest) -> HttpResponse:
    return _page(request, "api/swagger.html")


@require_safe
@cache_control(public=True, max_age=_FRESH_S)
def redoc(request: HttpRequest) -> HttpResponse:
    return _page(request, "api/redoc.html")
