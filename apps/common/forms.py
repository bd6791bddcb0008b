"""What the forms of the pages share. The rules of the fields stand in the services; a form only puts what they say beside
the field."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, JsonResponse


def only_checks(request: HttpRequest) -> bool:
    """Whether the post asks what is wrong with what was typed so far, and wants nothing done (check.js)."""
    return request.method == "POST" and request.headers.get("X-Check") == "1"


class Served(forms.Form):
    """Of a service that may refuse what the form took."""

    def refuse(self, error: ValidationError) -> None:
        """Shows the service's messages at their fields."""
        found: dict[str, Any] = error.error_dict if hasattr(error, "error_dict") else {"": error.error_list}
        for field, messages in found.items():
            self.add_error(field if field in self.fields else None, messages)

    def verdict(self, judge: Callable[..., object]) -> JsonResponse:
        """What is wrong with each field. `judge` has the service's rules: it is called with what the form took, which may be
        only a part, writes nothing, and raises a ValidationError that names fields."""
        found = set(self.errors)  # by the form alone; cleans
        try:
            judge(**self.cleaned_data)
        except ValidationError as error:
            self.refuse(ValidationError({name: said for name, said in error.error_dict.items() if name not in found}))
        return JsonResponse({"errors": {name: [str(each) for each in said] for name, said in self.errors.items()}})


class Versioned(Served):
    """Of something that somebody else may change while the form is open."""

    version = forms.IntegerField(widget=forms.HiddenInput)

    def renew(self, version: int) -> None:
        """Says so, keeps what was typed, and lets the next post through."""
        self.data = {name: self.data[name] for name in self.data} | {"version": str(version)}
        self.add_error(None, "Somebody saved other changes since you opened this page. Save again to put yours in their place.")


class GraceForm(forms.Form):
    """How long a replaced token or secret still works. Hours as people plan a change; the longest that the services take."""

    grace_seconds = forms.TypedChoiceField(
        label="The old one",
        coerce=int,
        choices=[
            ("0", "stops at once"),
            ("3600", "works for 1 hour more"),
            ("86400", "works for 1 day more"),
            ("604800", "works for 7 days more"),
        ],
    )
