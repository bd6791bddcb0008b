from django.urls import path

from apps.destinations import views

urlpatterns = [
    path("accounts/<uuid:account_id>/destinations/new/", views.new_destination, name="destination-new"),
    *(
        path(
            f"accounts/<uuid:account_id>/destinations/<uuid:destination_id>/{action}/",
            views.act,
            {"action": action},
            name=f"destination-{action}",
        )
        for action in ("pause", "resume", "delete")
    ),
]
