from django.urls import path

from apps.destinations import views

_ALL = "accounts/<uuid:account_id>/destinations"
_ONE = f"{_ALL}/<uuid:destination_id>"

urlpatterns = [
    path(f"{_ALL}/", views.listed, name="destinations"),
    path(f"{_ALL}/new/", views.new_destination, name="destination-new"),
    path(f"{_ONE}/settings/", views.settings, name="destination-settings"),
    path(f"{_ONE}/signing/", views.signing, name="destination-signing"),
    path(f"{_ONE}/secret/", views.reveal, name="destination-secret"),
    path(f"{_ONE}/secret/rotate/", views.rotate, name="destination-secret-rotate"),
    path(f"{_ONE}/pause/", views.pause, name="destination-pause"),
    path(f"{_ONE}/resume/", views.resume, name="destination-resume"),
    path(f"{_ONE}/delete/", views.delete, name="destination-delete"),
]
