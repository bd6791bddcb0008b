from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from apps.common.admin import Changed, Shown
from apps.users import services
from apps.users.models import SignIn, User
from apps.users.selectors import caller


@admin.register(User)
class UserAdmin(Changed):
    shown = ("id", "email", "is_active", "is_staff", "is_superuser", "last_login", "created_at", "created_by", "updated_at")
    list_display = ("id", "email", "is_active", "is_staff", "created_at")
    list_filter = ("is_active", "is_staff")
    by_text = ("email__icontains",)
    search_help_text = "An id, as a whole, or a part of the e-mail"
    changes = "is_active"

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        nobody = isinstance(obj, User) and not obj.is_person
        return super().has_change_permission(request, obj) and not nobody

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        services.set_active(user=obj, active=form.cleaned_data["is_active"], by=caller(request))


@admin.register(SignIn)
class SignInAdmin(Shown):
    shown = ("id", "user", "created_at", "expires_at", "ended_at")
    list_display = ("id", "user_id", "created_at", "expires_at", "ended_at")
    by_id = ("id", "user_id")
    search_help_text = "The id of the sign-in or of the user, as a whole"
