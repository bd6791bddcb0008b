from django.urls import path

from apps.accounts.api import views

urlpatterns = [
    path("accounts/", views.AccountsView.as_view()),
    path("accounts/<uuid:account_id>/", views.AccountView.as_view()),
    path("accounts/<uuid:account_id>/token/", views.TokenView.as_view()),
    path("accounts/<uuid:account_id>/token/rotate/", views.RotateTokenView.as_view()),
    path("accounts/<uuid:account_id>/audit/", views.HistoryView.as_view()),
    path("roles/", views.RolesView.as_view()),
]
