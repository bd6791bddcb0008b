"""How django-allauth makes our users."""

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest

from apps.common.validators import Email
from apps.users.models import User


class AccountAdapter(DefaultAccountAdapter):
    def new_user(self, request: HttpRequest) -> User:
        return User.objects.new("")

    def clean_email(self, email: str) -> str:
        Email()(email)  # the form's own check knows no length
        return str(super().clean_email(email))

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(settings.REGISTRATION == "open")
