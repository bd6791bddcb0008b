"""What must not be served to others is named, and what is served at home is not."""

import pytest
from django.conf import LazySettings

from apps.common.checks import unsafe

GOOD_KEY = "0123456789abcdefghijklmnopqrstuvwxyz"
AT_HOME = {"HOST": "127.0.0.1", "PUBLIC_URL": "http://127.0.0.1:8000"}
BEHIND_TLS = {"HOST": "0.0.0.0", "PUBLIC_URL": "https://push.example.com"}
IN_A_BOX = {"HOST": "0.0.0.0", "PUBLIC_URL": "http://localhost:8000"}
HERE = {"HOST": "::1", "PUBLIC_URL": "http://[::1]:8000"}


def found(settings: LazySettings, values: dict[str, object]) -> list[str]:
    defaults = {"DEBUG": False, "SECRET_KEY": GOOD_KEY, "ALLOWED_HOSTS": ["push.example.com"]}
    for name, value in (defaults | values).items():
        setattr(settings, name, value)
    return [each.msg.partition(":")[0] for each in unsafe()]


@pytest.mark.parametrize("place", [AT_HOME, BEHIND_TLS, IN_A_BOX, HERE])
def test_the_usual_places_are_safe(settings: LazySettings, place: dict[str, object]) -> None:
    assert found(settings, place) == []


@pytest.mark.parametrize("place", [AT_HOME, HERE])
def test_at_home_one_may_look_closer(settings: LazySettings, place: dict[str, object]) -> None:
    assert found(settings, place | {"DEBUG": True, "ALLOWED_HOSTS": ["*"]}) == []


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (BEHIND_TLS | {"DEBUG": True}, ["DEBUG"]),
        (IN_A_BOX | {"DEBUG": True}, ["DEBUG"]),
        (AT_HOME | {"DEBUG": True, "PUBLIC_URL": "https://push.example.com"}, ["DEBUG"]),
        ({"HOST": "0.0.0.0", "PUBLIC_URL": "http://0.0.0.0:8000"}, ["PUBLIC_URL"]),
        ({"HOST": "127.0.0.1", "PUBLIC_URL": "http://push.example.com"}, ["PUBLIC_URL"]),
        ({"HOST": "192.168.1.5", "PUBLIC_URL": "http://192.168.1.5:8000"}, ["PUBLIC_URL"]),
        (BEHIND_TLS | {"ALLOWED_HOSTS": ["push.example.com", "*"]}, ["ALLOWED_HOSTS"]),
        (AT_HOME | {"SECRET_KEY": "short-but-0123456789"}, ["SECRET_KEY"]),
        (AT_HOME | {"SECRET_KEY": "x" * 64}, ["SECRET_KEY"]),
        (AT_HOME | {"SECRET_KEY": f"django-insecure-{GOOD_KEY}"}, ["SECRET_KEY"]),
        (
            {"HOST": "::", "PUBLIC_URL": "http://[::]:8000", "DEBUG": True, "ALLOWED_HOSTS": ["*"], "SECRET_KEY": "x"},
            ["DEBUG", "PUBLIC_URL", "SECRET_KEY", "ALLOWED_HOSTS"],
        ),
    ],
)
def test_what_is_unsafe_is_named(settings: LazySettings, values: dict[str, object], names: list[str]) -> None:
    assert found(settings, values) == names
