"""Every page. The senders' path is not here: consumers/ingest.py and IngestMiddleware answer it before Django routes."""

from django.urls import include, path

from datapusher.health import live

urlpatterns = [
    path("health/live/", live),
    path("", include("apps.accounts.urls")),
    path("", include("apps.destinations.urls")),
    path("", include("apps.deliveries.urls")),
    path("user/", include("allauth.account.urls")),
]
