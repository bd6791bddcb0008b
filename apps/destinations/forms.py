from typing import Any

from django import forms

from apps.destinations.models import Destination


class DestinationForm(forms.Form):
    """Checks only what a form must: the rules of the fields stand in the service."""

    url = forms.CharField(label="URL", strip=True)
    http_method = forms.ChoiceField(label="HTTP method", choices=Destination.Method.choices, initial=Destination.Method.POST)
    name = forms.CharField(label="Name", max_length=255, required=False, help_text="The URL's host unless given.")
    headers = forms.CharField(
        label="Headers",
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "placeholder": "Authorization: Bearer …"}),
        help_text="One a line, as Name: value. At least one.",
    )

    def clean_headers(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        for number, line in enumerate(self.cleaned_data["headers"].splitlines(), 1):
            name, colon, value = line.partition(":")
            if not line.strip():
                continue
            if not colon:
                raise forms.ValidationError(f"Line {number} has no colon; write Name: value.")
            if name.strip() in headers:
                raise forms.ValidationError(f"Line {number}: {name.strip()} is given twice.")
            headers[name.strip()] = value.strip()
        return headers

    def refuse(self, errors: dict[str, Any]) -> None:
        """Shows the service's errors at their fields."""
        for field, messages in errors.items():
            self.add_error(field if field in self.fields else None, messages)
