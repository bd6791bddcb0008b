from typing import TYPE_CHECKING

from django import forms

from apps.accounts.models import Account

if TYPE_CHECKING:
    _AccountForm = forms.ModelForm[Account]
else:
    _AccountForm = forms.ModelForm  # generic in the stubs only


class AccountForm(_AccountForm):
    # An address typed without its scheme: https on every Django.
    website = forms.URLField(max_length=2048, required=False, assume_scheme="https")

    class Meta:
        model = Account
        fields = ["account_name", "website"]
