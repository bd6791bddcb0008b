"""How django-allauth makes our users, sends their mail and keeps their second factor."""

from functools import partial
from ipaddress import ip_address
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailConfirmation
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest
from django.urls import reverse

from apps.common.fields import decrypt, encrypt
from apps.common.mail import forgiving
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

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        forgiving(partial(super().send_mail, template_prefix, email, context))

    # A link in a mail leads to where we are, never to whatever host the request named.
    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: EmailConfirmation) -> str:
        return settings.PUBLIC_URL + reverse("account_confirm_email", args=[emailconfirmation.key])

    def get_reset_password_from_key_url(self, key: str) -> str:
        uid, _, rest = key.partition("-")
        return settings.PUBLIC_URL + reverse("account_reset_password_from_key", kwargs={"uidb36": uid, "key": rest})

    def get_client_ip(self, request: HttpRequest) -> str:
        """Whose tries are counted together; a unix socket knows no address."""
        try:
            return str(ip_address(super().get_client_ip(request)))
        except (PermissionDenied, ImproperlyConfigured, ValueError):
            return "0.0.0.0"  # noqa: S104  (it is counted, not listened on)


class MfaAdapter(DefaultMFAAdapter):
    """Secrets of second factors stand encrypted, as every secret here."""

    def encrypt(self, text: str) -> str:
        return encrypt(text).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return decrypt(encrypted_text.encode())
