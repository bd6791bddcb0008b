from django.urls import path

from apps.events.api import views

urlpatterns = [path("accounts/<uuid:account_id>/events/", views.EventsOfAccountView.as_view())]
