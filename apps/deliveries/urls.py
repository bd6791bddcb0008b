from django.urls import path

from apps.deliveries import views

urlpatterns = [path("accounts/<uuid:account_id>/live/", views.live, name="live")]
