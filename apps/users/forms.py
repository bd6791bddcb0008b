from typing import TYPE_CHECKING, Any

from allauth.account.forms import SignupForm
from allauth.account.utils import passthrough_next_redirect_url
from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from apps.common.forms import Served
from apps.users import services

if TYPE_CHECKING:
    _SignupForm = Any
else:
    _SignupForm = SignupForm


class SignUpForm(_SignupForm):
    """Answers alike for a known and an unknown e-mail. That is why nobody is signed in by it: for a known one nobody may be."""

    def validate_unique_email(self, value: str) -> str:
        return value  # the service does nothing for a known one

    def try_save(self, request: HttpRequest) -> tuple[None, HttpResponse]:
        email, password = self.cleaned_data["email"], self.cleaned_data["password1"]
        services.register(request=request, email=email, password=password)
        if settings.ACCOUNT_EMAIL_VERIFICATION == "mandatory":
            return None, redirect("account_email_verification_sent")
        messages.success(request, "Sign in to go on. If the e-mail had an account before, its password is still the old one.")
        return None, redirect(passthrough_next_redirect_url(request, reverse("account_login"), "next"))


class LeavingForm(Served):
    password = forms.CharField(
        label="Your password",
        max_length=4096,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
