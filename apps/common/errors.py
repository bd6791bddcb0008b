"""Errors of the domain that a person can act on.

Refused
├── NotAllowed      the role has no right to it
├── Missing         it does not exist for this person
├── Conflict        it stands against what is there
│   └── LimitReached    a limit of the installation; names it
├── Stale           it was changed since the caller read it
├── TooMany         a limit on how often; has the seconds to wait
└── SignInRefused   who asks is not signed in; has a code
Bad fields are Django's ValidationError, with a message for each field.
"""


class Refused(Exception):
    """Base: what was asked is not done, and nothing has changed."""


class NotAllowed(Refused):
    pass


class Missing(Refused):
    pass


class Conflict(Refused):
    pass


class LimitReached(Conflict):
    """Raised with a sentence that names the limit and its value."""


class Stale(Refused):
    pass


class TooMany(Refused):
    """`wait_s`: seconds until there is room again."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"{wait_s:.0f}")
        self.wait_s = wait_s


class SignInRefused(Refused):
    """`code` says why, and never whether the e-mail is known."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
