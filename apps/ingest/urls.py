from django.urls import path

from apps.ingest import views

urlpatterns = [path("accounts/<uuid:account_id>/sample/", views.sample, name="sample-event")]
