"""Every page. The senders' path is not here: consumers/ingest.py and IngestMiddleware answer it before Django routes."""

from django.urls import include, path

urlpatterns = [
    path("", include("apps.accounts.urls")),
    path("", include("apps.destinations.urls")),
    path("", include("apps.deliveries.urls")),
    path("user/", include("allauth.account.urls")),
]
