from django.urls import path

from apps.logs.api import views

urlpatterns = [
    path("accounts/<uuid:account_id>/logs/", views.LogsOfAccountView.as_view()),
    path("logs/<uuid:log_id>/", views.LogView.as_view()),
]
