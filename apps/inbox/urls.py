from django.urls import path, re_path

from apps.inbox import views

urlpatterns = [
    re_path(r"^inbox/(?P<key>[a-z2-7]{26})/$", views.receive),
    path("accounts/<uuid:account_id>/inboxes/", views.create, name="inbox-new"),
    path("accounts/<uuid:account_id>/inboxes/<str:key>/", views.shown, name="inbox"),
]
