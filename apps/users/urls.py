from django.urls import path

from apps.users import views

urlpatterns = [
    path("user/email/", views.email, name="account_email"),
    path("user/data/", views.own_data, name="own-data"),
    path("user/sessions/", views.sessions, name="sessions"),
    path("user/sessions/browser/<int:session_id>/end/", views.end_browser, name="browser-end"),
    path("user/sessions/client/<uuid:sign_in_id>/end/", views.end_client, name="client-end"),
]
