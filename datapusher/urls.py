"""Every page. The senders' path is not here: consumers/ingest.py and IngestMiddleware answer it before Django routes. Nor are
those for operators: OperatorsMiddleware does."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from apps.common.api import documents

urlpatterns = [
    path("", include("apps.accounts.urls")),
    path("", include("apps.destinations.urls")),
    path("", include("apps.deliveries.urls")),
    path("", include("apps.inbox.urls")),
    path("", include("apps.ingest.urls")),
    path("", include("apps.users.urls")),
    path("admin/password_change/", RedirectView.as_view(pattern_name="account_change_password")),
    path("admin/", admin.site.urls),
    path("user/", include("allauth.account.urls")),
    path("user/mfa/", include("allauth.mfa.urls")),
    path("api/schema/", documents.schema, name="api-schema"),
    path("api/docs/", documents.swagger, name="api-docs"),
    path("api/redoc/", documents.redoc, name="api-redoc"),
    path("api/v1/", include("apps.users.api.urls")),
    path("api/v1/", include("apps.accounts.api.urls")),
    path("api/v1/", include("apps.destinations.api.urls")),
    path("api/v1/", include("apps.events.api.urls")),
    path("api/v1/", include("apps.logs.api.urls")),
    path("api/v1/", include("apps.deliveries.api.urls")),
]

handler404 = "datapusher.errors.not_found"
handler500 = "datapusher.errors.server_error"
