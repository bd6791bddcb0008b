"""`/metrics`, for Prometheus."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apps.deliveries.exposition import CONTENT_TYPE, exposition, refusal


@never_cache
@require_safe
async def metrics(request: HttpRequest) -> HttpResponse:
    status = refusal(request.headers.get("Authorization", ""))
    if status is not None:
        return HttpResponse(status=status, headers={"WWW-Authenticate": "Bearer"} if status == 401 else {})
    return HttpResponse(await exposition(), content_type=CONTENT_TYPE)
