from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from apps.accounts import services
from apps.accounts.models import Account, Member, Token
from apps.common.admin import Changed, Shown
from apps.users.selectors import caller

if TYPE_CHECKING:
    _Form = forms.ModelForm[Account]
else:
    _Form = forms.ModelForm  # generic in the stubs only


class RateForm(_Form):
    # Not `ingest_rate`: that is a field which no form of the account's own people may have.
    rate = forms.IntegerField(
        min_value=1,
        max_value=services.INGEST_RATE_MAX,
        required=False,
        label="Ingest rate",
        help_text="posts per second; empty: the setting's",
    )

    class Meta:
        model = Account
        fields: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["rate"] = self.instance.ingest_rate


@admin.register(Account)
class AccountAdmin(Changed):
    form = RateForm
    shown = (
        "id",
        "account_name",
        "website",
        "rate",
        "version",
        "created_at",
        "created_by",
        "updated_at",
        "updated_by",
        "deleted_at",
    )
    list_display = ("id", "account_name", "website", "ingest_rate", "created_at", "deleted_at")
    list_filter = (("deleted_at", admin.EmptyFieldListFilter),)
    by_text = ("account_name__icontains", "website__icontains")
    search_help_text = "An id, as a whole, or a part of name or website"
    changes = "rate"

    def save_model(self, request: HttpRequest, obj: Account, form: Any, change: bool) -> None:
        services.set_ingest_rate(account=obj, rate=form.cleaned_data["rate"], by=caller(request))


@admin.register(Token)
class TokenAdmin(Shown):
    shown = ("id", "account", "created_at", "expires_at")
    list_display = ("id", "account_id", "created_at", "expires_at")
    by_id = ("id", "account_id")
    search_help_text = "The id of the token or of the account, as a whole"


@admin.register(Member)
class MemberAdmin(Shown):
    shown = ("id", "account", "user", "role", "state", "created_at", "created_by", "updated_at", "updated_by")
    list_display = ("id", "account_id", "user_id", "role_id", "state", "created_at")
    list_filter = ("state", "role")
    by_id = ("id", "account_id", "user_id")
    search_help_text = "The id of the member, the account or the user, as a whole"
