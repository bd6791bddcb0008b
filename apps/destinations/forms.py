import re
from typing import Any

from django import forms
from django.conf import settings

from apps.common.fields import MASK
from apps.common.forms import Served, Versioned
from apps.destinations.models import Destination
from apps.destinations.validators import CONCURRENCY_MAX, RATE_MAX, RATE_MIN

TIMEOUT_S: int = Destination._meta.get_field("timeout_s").default
POLICY = ("timeout_s", "retry_schedule", "rate_limit", "concurrency", "ordered")


class DestinationForm(Served):
    """Where to send and how to go about it. Checks only what a form must: the rules of the fields stand in the drafts."""

    url = forms.CharField(label="URL", strip=True)
    http_method = forms.ChoiceField(label="HTTP method", choices=Destination.Method.choices, initial=Destination.Method.POST)
    name = forms.CharField(label="Name", max_length=255, required=False, help_text="The URL's host unless given.")
    headers = forms.CharField(
        label="Headers",
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "placeholder": "Authorization: Bearer …"}),
        help_text="One a line, as Name: value. At least one.",
    )
    timeout_s = forms.IntegerField(
        label="Timeout, seconds",
        required=False,
        min_value=1,
        max_value=30,
        initial=TIMEOUT_S,
        help_text=f"For one try, from the look-up to the answer: 1 to 30. Empty: {TIMEOUT_S}.",
    )
    retry_schedule = forms.CharField(label="Waits between tries, seconds", required=False, max_length=1000)
    rate_limit = forms.FloatField(
        label="Requests a second",
        required=False,
        min_value=RATE_MIN,
        max_value=RATE_MAX,
        help_text=f"At most so many: {RATE_MIN:g} to {RATE_MAX:g}. Empty: as many as come.",
    )
    concurrency = forms.IntegerField(
        label="Tries at once",
        required=False,
        min_value=1,
        max_value=CONCURRENCY_MAX,
        help_text=f"At most so many: 1 to {CONCURRENCY_MAX}. Empty: as many as come.",
    )
    ordered = forms.BooleanField(
        label="In the order in which events were accepted",
        required=False,
        help_text="One at a time. A retry holds those behind it.",
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        usual = ", ".join(map(str, settings.RETRY_SCHEDULE))
        self.fields["retry_schedule"].help_text = f"With commas, one for each further try. Empty: {usual}."

    def goal(self) -> list[forms.BoundField]:
        """What a destination cannot do without."""
        return [field for field in self.visible_fields() if field.name not in POLICY]

    def policy(self) -> list[forms.BoundField]:
        """What has a default that suits most."""
        return [self[name] for name in POLICY]

    def shows_policy(self) -> bool:
        """Whether somebody has set it, or set it wrong."""
        return self.is_bound and any(name in self.errors or name in self.changed_data for name in POLICY)

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

    def clean_timeout_s(self) -> int:
        given: int | None = self.cleaned_data["timeout_s"]
        return TIMEOUT_S if given is None else given

    def clean_retry_schedule(self) -> list[int] | None:
        text = self.cleaned_data["retry_schedule"]
        if not text:
            return None
        if not re.fullmatch(r"[0-9]{1,9}(?:[\s,]+[0-9]{1,9})*,?", text, re.ASCII):
            raise forms.ValidationError("Whole seconds with commas between them, such as 5, 300, 1800.")
        return [int(each) for each in re.findall(r"[0-9]+", text)]


class SettingsForm(DestinationForm, Versioned):
    """Of a destination that is there. Stored header values are masked, and stay where the mask does."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["headers"].help_text = (
            f"One a line, as Name: value. {MASK} keeps the stored value. "
            "When scheme, host or port of the URL change, write every value anew."
        )

    @classmethod
    def of(cls, destination: Destination) -> "SettingsForm":
        """With what is stored."""
        names = ("url", "http_method", "name", "timeout_s", "rate_limit", "concurrency", "ordered", "version")
        shown = {name: value for name in names if (value := getattr(destination, name)) is not None}
        shown["headers"] = "\n".join(f"{name}: {MASK}" for name in destination.headers)
        shown["retry_schedule"] = ", ".join(map(str, destination.retry_schedule or []))
        return cls(initial=shown)
