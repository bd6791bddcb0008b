from django.urls import path

from apps.accounts.views import accounts, history, members, settings

_ACCOUNT = "accounts/<uuid:account_id>"

urlpatterns = [
    path("", accounts.home, name="home"),
    # What follows /key/ stands in no log.
    path("user/invitation/key/<str:key>/", accounts.invitation, name="invitation"),
    path("user/data/export/", accounts.export_me, name="own-data-export"),
    path("accounts/new/", accounts.new_account, name="account-new"),
    path(f"{_ACCOUNT}/history/", history.history, name="history"),
    path(f"{_ACCOUNT}/settings/", settings.settings, name="settings"),
    path(f"{_ACCOUNT}/token/", settings.reveal, name="token"),
    path(f"{_ACCOUNT}/token/rotate/", settings.rotate, name="token-rotate"),
    path(f"{_ACCOUNT}/delete/", settings.delete, name="account-delete"),
    path(f"{_ACCOUNT}/members/", members.listed, name="members"),
    path(f"{_ACCOUNT}/members/<uuid:member_id>/role/", members.change, name="member-role"),
    path(f"{_ACCOUNT}/members/<uuid:member_id>/remove/", members.remove, name="member-remove"),
]
