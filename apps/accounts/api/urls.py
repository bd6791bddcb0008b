from django.urls import path

from apps.accounts.api import members, views

urlpatterns = [
    path("accounts/", views.AccountsView.as_view()),
    path("accounts/<uuid:account_id>/", views.AccountView.as_view()),
    path("accounts/<uuid:account_id>/token/", views.TokenView.as_view()),
    path("accounts/<uuid:account_id>/token/rotate/", views.RotateTokenView.as_view()),
    path("accounts/<uuid:account_id>/audit/", views.HistoryView.as_view()),
    path("accounts/<uuid:account_id>/members/", members.MembersOfAccountView.as_view()),
    path("members/", members.MembersView.as_view()),
    path("members/<uuid:member_id>/", members.MemberView.as_view()),
    path("auth/me/export/", members.ExportMeView.as_view()),
    path("roles/", views.RolesView.as_view()),
]
