"""Cross-origin reads of the REST API and the ingest path (CORS), for the origins of CORS_ALLOWED_ORIGINS."""

from corsheaders.middleware import CorsMiddleware
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class Cors(CorsMiddleware):
    def check_preflight(self, request: HttpRequest) -> HttpResponseBase | None:
        """For origins that are allowed. corsheaders' own answers 200 to all, where a path without OPTIONS answers 405."""
        answer = super().check_preflight(request)
        return answer if request.headers.get("origin") in settings.CORS_ALLOWED_ORIGINS else None
