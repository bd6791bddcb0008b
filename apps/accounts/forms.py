from typing import TYPE_CHECKING

from django import forms

from apps.accounts.models import Account
from apps.common.forms import Served, Versioned
from apps.common.validators import Email

if TYPE_CHECKING:
    _AccountForm = forms.ModelForm[Account]
else:
    _AccountForm = forms.ModelForm  # generic in the stubs only


class AccountForm(_AccountForm, Served):
    # An address typed without its scheme: https on every Django.
    website = forms.URLField(max_length=2048, required=False, assume_scheme="https")

    class Meta:
        model = Account
        fields = ["account_name", "website"]


class SettingsForm(AccountForm, Versioned):
    pass


# The ids that the migration gave them; the first is what most people are invited as.
_ROLES = [("2", "Normal user"), ("1", "Admin")]


class RoleForm(forms.Form):
    role_id = forms.TypedChoiceField(
        label="Role",
        coerce=int,
        choices=_ROLES,
        help_text="A Normal user sees everything but secrets, and may change the settings of account and destinations. "
        "An Admin may do everything.",
    )


class MemberForm(RoleForm, Served):
    email = forms.CharField(
        label="E-mail",
        max_length=254,
        validators=[Email()],  # the service's own; alone, where the model's field would say it a second time in other words
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
        help_text="They get a mail with a link, which works for a week.",
    )
    field_order = ("email", "role_id")


class PasswordForm(forms.Form):
    """The first password of who was invited. Its rules stand in the service."""

    password = forms.CharField(
        label="New password",
        max_length=4096,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least 8 characters, and none that everybody uses.",
    )
