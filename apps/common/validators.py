"""Checks of what people type: an e-mail, a website."""

import re

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator, URLValidator
from django.utils.deconstruct import deconstructible

_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def no_control_characters(value: str) -> None:
    if _CONTROL.search(value):
        raise ValidationError("Control characters and line breaks are not allowed.", code="control")


@deconstructible
class Email(EmailValidator):
    """An address of RFC 5321's length (254), compared without case."""

    message = "Enter an e-mail address such as ada@example.com."

    def __call__(self, value: str | None) -> None:
        super().__call__(value)
        if value is not None and len(value) > 254:
            raise ValidationError(self.message, code="invalid")


@deconstructible
class Website(URLValidator):
    """An http or https address that a browser can open."""

    message = "Enter a website such as https://example.com."
    schemes = ["http", "https"]
