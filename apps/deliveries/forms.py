import json
from typing import Any

from django import forms

_decoder = json.JSONDecoder()


class TestForm(forms.Form):
    """The rules of what may be sent stand in the service."""

    body = forms.CharField(
        label="Data",
        required=False,
        max_length=70_000,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "placeholder": '{"test": true}'}),
        help_text="A JSON object or array, at most 64 KiB. Empty: a sample.",
    )

    def clean_body(self) -> Any:
        text = self.cleaned_data["body"]
        if not text:
            return None
        try:
            return _decoder.decode(text)
        except (ValueError, RecursionError):
            raise forms.ValidationError("This is not JSON.") from None
