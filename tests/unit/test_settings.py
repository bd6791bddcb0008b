"""What is malformed or missing stops the start with one line that names the setting."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import django
import pytest

from datapusher.settings import env
from tests.unit.malformed import KEY, MALFORMED

ROOT = Path(__file__).resolve().parents[2]
SECRETS = {"SECRET_KEY": "s" * 50, "FIELD_ENCRYPTION_KEYS": KEY}
# Set but empty, so that a developer's own .env fills nothing in.
EMPTY = dict.fromkeys(
    [
        "ALLOWED_HOSTS", "CORS_ALLOWED_ORIGINS", "DATABASE_URL", "DEBUG", "DEFAULT_FROM_EMAIL", "EMAIL_URL",
        "EVENT_RETENTION_DAYS", "HOST",
        "INGEST_MAX_BYTES", "INGEST_RATE", "LOG_RETENTION_DAYS", "MAX_ACCOUNTS_PER_USER", "MAX_DESTINATIONS_PER_ACCOUNT",
        "MAX_WAITING_PER_ACCOUNT", "METRICS_PORT",
        "METRICS_TOKEN", "OTEL_EXPORTER_OTLP_ENDPOINT", "PORT", "PUBLIC_URL", "PURGE_AFTER_DAYS", "REDIS_URL",
        "REGISTRATION", "REPLAY_RATE", "RETRY_SCHEDULE", "TRUSTED_PROXIES",
    ],
    "",
)  # fmt: skip


def start(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A process with these settings and no others."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    variables = inherited | EMPTY | SECRETS | {"DJANGO_SETTINGS_MODULE": "datapusher.settings"} | environment
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=variables, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(("name", "value"), MALFORMED, ids=lambda text: text[:40].encode("ascii", "replace").decode())
def test_a_malformed_setting_stops_the_start_with_one_line_that_names_it(name: str, value: str) -> None:
    process = start("import django; django.setup()", **{name: value})
    (line,) = process.stderr.splitlines()
    assert process.returncode == 1
    assert line.startswith(f"datapusher: {name}: ")
    assert "hunter2" not in line
    assert process.stdout == ""


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_required_where_many_processes_share_a_database(name: str) -> None:
    database = "postgresql://user:password@127.0.0.1:1/name"
    process = start("import django; django.setup()", **{name: "", "DATABASE_URL": database})
    (line,) = process.stderr.splitlines()
    assert process.returncode == 1
    assert line == f"datapusher: {name}: must be set when DATABASE_URL is set, the same for every process"


SHOW = """
import json
from django.conf import settings
names = %s
print(json.dumps({name: getattr(settings, name) for name in names}, default=str))
"""


def settings_with(*names: str, **environment: str) -> dict[str, object]:
    process = start(SHOW % list(names), **environment)
    assert process.stderr == ""
    shown: dict[str, object] = json.loads(process.stdout)
    return shown


def test_without_any_variable_one_machine_serves_itself() -> None:
    expected = {
        "DEBUG": False,
        "HOST": "127.0.0.1",
        "PORT": 8000,
        "ALLOWED_HOSTS": ["localhost", "127.0.0.1", "[::1]"],
        "PUBLIC_URL": "http://127.0.0.1:8000",
        "SESSION_COOKIE_SECURE": False,
        "SECURE_SSL_REDIRECT": False,
        "INGEST_RATE": 5,
        "INGEST_MAX_BYTES": 1_048_576,
        "REPLAY_RATE": 50,
        "API_RATE": 6000,
        "RETRY_SCHEDULE": [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400],
        "MAX_ACCOUNTS_PER_USER": 20,
        "MAX_DESTINATIONS_PER_ACCOUNT": 1000,
        "METRICS_TOKEN": "",
        "METRICS_PORT": None,
        "OTEL_EXPORTER_OTLP_ENDPOINT": "",
        "MAX_WAITING_PER_ACCOUNT": 5_000_000,
        "EVENT_RETENTION_DAYS": 90,
        "LOG_RETENTION_DAYS": 90,
        "PURGE_AFTER_DAYS": 7,
        "REGISTRATION": "open",
        "ACCOUNT_EMAIL_VERIFICATION": "none",
        "DESTINATION_ALLOWED_NETWORKS": ["127.0.0.0/8", "::1/128"],
        "CHANNEL_LAYERS": {"default": {"BACKEND": "consumers.layers.MemoryLayer", "CONFIG": {"group_expiry": 315_360_000}}},
    }
    assert settings_with(*expected) == expected


def test_a_public_https_address_makes_everything_secure() -> None:
    expected = {
        "PUBLIC_URL": "https://push.example.com",  # as browsers write an Origin
        "CSRF_TRUSTED_ORIGINS": ["https://push.example.com"],
        "SESSION_COOKIE_SECURE": True,
        "CSRF_COOKIE_SECURE": True,
        "SECURE_SSL_REDIRECT": True,
        "SECURE_HSTS_SECONDS": 31_536_000,
        "SECURE_PROXY_SSL_HEADER": None,
    }
    assert settings_with(*expected, PUBLIC_URL="https://Push.Example.com:443/") == expected


def test_django_believes_no_header_of_a_proxy_the_front_does_where_one_is_trusted() -> None:
    shown = settings_with("SECURE_PROXY_SSL_HEADER", PUBLIC_URL="https://a.example", TRUSTED_PROXIES="10.0.0.1, 10.1.0.0/16")
    assert shown == {"SECURE_PROXY_SSL_HEADER": None}


def test_with_database_and_redis_nothing_private_is_reachable_and_the_layer_is_shared() -> None:
    urls = {"DATABASE_URL": "postgresql://user:pass@127.0.0.1:1/name", "REDIS_URL": "redis://127.0.0.1:1/0"}
    shown = settings_with("DESTINATION_ALLOWED_NETWORKS", "CHANNEL_LAYERS", "DATABASES", **urls)
    assert shown["DESTINATION_ALLOWED_NETWORKS"] == []
    assert "PubSubLayer" in str(shown["CHANNEL_LAYERS"])
    assert "postgresql" in str(shown["DATABASES"])


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("DESTINATION_ALLOWED_NETWORKS", "", []),
        ("DESTINATION_ALLOWED_NETWORKS", " 10.0.0.0/8 ,192.168.7.7,fd00::/16,", ["10.0.0.0/8", "192.168.7.7/32", "fd00::/16"]),
        ("ALLOWED_HOSTS", "a.example, .b.example,[::1],*,127.0.0.1", ["a.example", ".b.example", "[::1]", "*", "127.0.0.1"]),
        (
            "CORS_ALLOWED_ORIGINS",
            "https://A.example:443, http://b.example:3000/,",
            ["https://a.example", "http://b.example:3000"],
        ),
        ("SECRET_KEY", "$begins-with-a-dollar", "$begins-with-a-dollar"),
        ("SECRET_KEY", "  a = b # c  ", "a = b # c"),
        ("RETRY_SCHEDULE", "1, 604800", [1, 604_800]),
        ("INGEST_RATE", "999999/second", 999_999),
        ("API_RATE", "60/minute", 60),
        ("METRICS_PORT", "9000", 9000),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector.example:4318/otlp", "https://collector.example:4318/otlp"),
        ("METRICS_TOKEN", "a~!$very=Odd/one", "a~!$very=Odd/one"),
        ("DEBUG", "On", True),
        ("EMAIL_URL", "smtp+tls://user:p%40ss@mail.example:587", "mandatory"),
        ("HOST", "::1", "http://[::1]:8000"),
        ("PUBLIC_URL", "http://localhost:8001/", "http://localhost:8001"),
        ("DEFAULT_FROM_EMAIL", "Push <push@example.com>", "Push <push@example.com>"),
    ],
)
def test_a_well_formed_value_is_taken(name: str, value: str, expected: object) -> None:
    shows = {"EMAIL_URL": "ACCOUNT_EMAIL_VERIFICATION", "HOST": "PUBLIC_URL"}.get(name, name)
    assert settings_with(shows, **{name: value}) == {shows: expected}


SMTP = {
    "host": ("EMAIL_HOST", "mail.example"),
    "port": ("EMAIL_PORT", 587),
    "username": ("EMAIL_HOST_USER", "user"),
    "password": ("EMAIL_HOST_PASSWORD", "p@ss"),
    "use_tls": ("EMAIL_USE_TLS", True),
    "use_ssl": ("EMAIL_USE_SSL", False),
    "timeout": ("EMAIL_TIMEOUT", 10),
}
BACKEND = "django.core.mail.backends.smtp.EmailBackend"


def test_a_mail_server_is_set_as_the_django_in_use_wants_it() -> None:
    url = "smtp+tls://user:p%40ss@mail.example:587"
    if django.VERSION >= (6, 1):
        options = {option: value for option, (_, value) in SMTP.items()}
        assert settings_with("MAILERS", EMAIL_URL=url) == {"MAILERS": {"default": {"BACKEND": BACKEND, "OPTIONS": options}}}
    else:
        before = {"EMAIL_BACKEND": BACKEND} | dict(SMTP.values())
        assert settings_with(*before, EMAIL_URL=url) == before


MAIL = """
import warnings
warnings.simplefilter("always")
import django
django.setup()
from django.core.mail import EmailMessage
EmailMessage("A subject", "A link", to=["somebody@example.com"]).send()
"""


def test_without_a_mail_server_mails_are_printed_and_no_django_warns() -> None:
    process = start(MAIL)
    assert "A link" in process.stdout
    assert "RemovedInDjango" not in process.stderr


@pytest.fixture
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty var/ and no secrets in the environment."""
    monkeypatch.setattr(env, "VAR_DIR", tmp_path / "var")
    for name in ("MADE_SECRET", "DATABASE_URL"):
        monkeypatch.setenv(name, "")
    return tmp_path / "var"


def counting() -> Callable[[], str]:
    numbers = iter(range(100))
    return lambda: f"made-{next(numbers)}"


def test_a_secret_is_made_once_and_only_its_owner_may_read_it(var: Path) -> None:
    make = counting()
    assert [env.made_once("MADE_SECRET", make) for _ in range(3)] == ["made-0"] * 3
    assert (var / "made_secret").read_text() == "made-0"
    assert (var / "made_secret").stat().st_mode & 0o077 == 0
    assert var.stat().st_mode & 0o077 == 0


def test_a_secret_that_was_given_is_not_kept(var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MADE_SECRET", "given")
    assert env.made_once("MADE_SECRET", counting()) == "given"
    assert not var.exists()


def test_two_processes_that_start_together_keep_one_secret(var: Path) -> None:
    def make() -> str:
        env._keep(var / "made_secret", "the-other-one-was-quicker")
        return "ours"

    assert env.made_once("MADE_SECRET", make) == "the-other-one-was-quicker"


@pytest.mark.parametrize("content", ["", " \n"])
def test_a_secret_that_was_lost_is_said_and_never_made_anew(var: Path, content: str) -> None:
    var.mkdir()
    (var / "made_secret").write_text(content)
    with pytest.raises(env.SettingError, match=r"^datapusher: MADE_SECRET: .* is empty"):
        env.made_once("MADE_SECRET", counting())


def test_a_var_that_cannot_be_written_is_one_line_that_names_the_setting(var: Path) -> None:
    var.write_text("a file in its place")
    with pytest.raises(env.SettingError, match=r"^datapusher: MADE_SECRET: cannot be kept in .*var/made_secret: "):
        env.made_once("MADE_SECRET", counting())
    with pytest.raises(env.SettingError, match=r"^datapusher: DATABASE_URL: is not set, and .*var cannot be made: "):
        env.var_file("DATABASE_URL", "x.sqlite3")
