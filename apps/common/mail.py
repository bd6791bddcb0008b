"""Mail. Never within a transaction; a mail server that fails costs the mail, not the request."""

import logging
import re
import unicodedata
from collections.abc import Callable, Mapping
from smtplib import SMTPException
from typing import Any

from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.console import EmailBackend as ConsoleBackend
from django.template.loader import render_to_string

logger = logging.getLogger(__name__)


class ReadableConsole(ConsoleBackend):
    """Prints what a person reads, so that a link is whole: the console shows the encoded mail, with links in pieces."""

    def write_message(self, message: Any) -> None:
        self.stream.write(f"To: {', '.join(message.to)}\nSubject: {message.subject}\n\n{message.body}\n{'-' * 79}\n")


def send(*, to: str, subject: str, template: str, context: Mapping[str, Any]) -> bool:
    """One mail with a plain and an HTML part, of `<template>.txt` and `<template>.html`. Whether a server took it."""
    text = render_to_string(f"{template}.txt", dict(context))
    message = EmailMultiAlternatives(subject, text, to=[to])
    message.attach_alternative(render_to_string(f"{template}.html", dict(context)), "text/html")
    return forgiving(message.send)


# What a mail client may take for a part of an address, when something stands on both sides of it; and the rest of a scheme.
_JOINS = re.compile(r"(?<=\S)[.:/\\@\u3002\uff61](?=\S)|//+|\bwww\b", re.IGNORECASE)
_NAME_MAX = 60


def plain(name: str) -> str:
    """Somebody's name for a thing: at most 60 visible characters on one line, nothing that a mail client makes a link of."""
    visible = "".join(each if unicodedata.category(each)[0] != "C" else " " for each in unicodedata.normalize("NFKC", name))
    return " ".join(_JOINS.sub(" ", visible).split())[:_NAME_MAX].strip()


def forgiving(send_it: Callable[[], object]) -> bool:
    """Sends. What goes wrong is logged without the address, and tells nobody more about it. Whether it was sent."""
    try:
        send_it()
    except (SMTPException, OSError, UnicodeError, ValueError) as error:  # ValueError: an address that no header takes
        logger.error("a mail was not sent: %s", type(error).__name__)  # noqa: TRY400  (a trace would show the address)
        return False
    return True
