"""Errors of the domain that a person can act on.

Refused
├── NotAllowed      the role has no right to it
├── Missing         it does not exist for this person
└── LimitReached    a limit of the installation; names it
Bad fields are Django's ValidationError, with a message for each field.
"""


class Refused(Exception):
    """Base: what was asked is not done, and nothing has changed."""


class NotAllowed(Refused):
    pass


class Missing(Refused):
    pass


class LimitReached(Refused):
    """Raised with a sentence that names the limit and its value."""
