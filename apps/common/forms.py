"""What the forms of the pages share. The rules of the fields stand in the services; a form only puts what they say beside
the field."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError


class Served(forms.Form):
    """Of a service that may refuse what the form took."""

    def refuse(self, error: ValidationError) -> None:
        """Shows the service's messages at their fields."""
        found: dict[str, Any] = error.error_dict if hasattr(error, "error_dict") else {"": error.error_list}
        for field, messages in found.items():
            self.add_error(field if field in self.fields else None, messages)


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
