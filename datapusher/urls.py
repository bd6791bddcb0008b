"""Every page. The senders' path is not here: consumers/ingest.py and IngestMiddleware answer it before Django routes."""

from django.urls import include, path

from datapusher.health import live

urlpatterns = [
    path("health/live/", live),
    path("", include("apps.accounts.urls")),
    path("", include("apps.destinations.urls")),
    path("", include("apps.deliveries.urls")),
    path("user/", include("allauth.account.urls")),
    path("api/v1/", include("apps.users.api.urls")),
    path("api/v1/", include("apps.accounts.api.urls")),
    path("api/v1/", include("apps.destinations.api.urls")),
]

handler404 = "datapusher.errors.not_found"
handler500 = "datapusher.errors.server_error"
