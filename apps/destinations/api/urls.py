from django.urls import path

from apps.destinations.api import views

urlpatterns = [
    path("accounts/<uuid:account_id>/destinations/", views.DestinationsOfAccountView.as_view()),
    path("destinations/", views.DestinationsView.as_view()),
    path("destinations/<uuid:destination_id>/", views.DestinationView.as_view()),
    path("destinations/<uuid:destination_id>/pause/", views.PauseView.as_view()),
    path("destinations/<uuid:destination_id>/resume/", views.ResumeView.as_view()),
    path("destinations/<uuid:destination_id>/secret/", views.SecretView.as_view()),
    path("destinations/<uuid:destination_id>/secret/rotate/", views.RotateSecretView.as_view()),
]
