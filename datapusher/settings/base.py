"""Apps, middleware, templates, static files."""

import django

from datapusher.settings import env
from datapusher.settings.cors import CORS_ALLOWED_ORIGINS

BASE_DIR = env.BASE_DIR
DEBUG = env.boolean("DEBUG", default=False)
HOST = env.host("HOST", "127.0.0.1")
PORT = env.integer("PORT", 8000, low=1, high=65535)
ROOT_URLCONF = "datapusher.urls"
ASGI_APPLICATION = "datapusher.asgi.application"

INSTALLED_APPS = [
    # Before channels: its `runworker` is ours.
    "apps.deliveries",
    "apps.ingest",
    "apps.inbox",
    "apps.logs",
    "apps.events",
    "apps.destinations",
    "apps.accounts",
    "apps.users",
    "apps.audit",
    "apps.common",
    "channels",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "datapusher.admin.OperatorsConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]

_CSP_MIDDLEWARE = (
    "django.middleware.csp.ContentSecurityPolicyMiddleware" if django.VERSION >= (6, 0) else "csp.middleware.CSPMiddleware"
)

MIDDLEWARE = [
    *(["apps.common.cors.Cors"] if CORS_ALLOWED_ORIGINS else []),
    # First: the sender's lane passes none of what follows, so that its answers are equal on every server.
    "apps.ingest.middleware.IngestMiddleware",
    # Then probes and scrapers, who know nothing of ALLOWED_HOSTS and https.
    "datapusher.operators.OperatorsMiddleware",
    "apps.common.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "apps.common.packing.StaticFiles",
    "apps.common.packing.Packed",
    _CSP_MIDDLEWARE,
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "apps.accounts.views.accounts.switcher",
            ]
        },
    }
]

STATIC_URL = "/static/"
STATIC_ROOT = env.VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Served straight from static/, so that a fresh clone needs no collecting step (decision 23).
SERVESTATIC_USE_FINDERS = True
SERVESTATIC_ALLOW_ALL_ORIGINS = False

LANGUAGE_CODE = "en"
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

MAX_ACCOUNTS_PER_USER = env.integer("MAX_ACCOUNTS_PER_USER", 20, low=1, high=1_000_000)
MAX_DESTINATIONS_PER_ACCOUNT = env.integer("MAX_DESTINATIONS_PER_ACCOUNT", 1000, low=1, high=1_000_000)
