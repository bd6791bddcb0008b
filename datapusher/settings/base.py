"""Apps, middleware, templates, static files, people."""

import operator

import django

from datapusher.settings import env

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
    "apps.logs",
    "apps.events",
    "apps.destinations",
    "apps.accounts",
    "apps.users",
    "apps.audit",
    "apps.common",
    "channels",
    "rest_framework",
    "allauth",
    "allauth.account",
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
    # First: the sender's lane passes none of what follows, so that its answers are equal on every server.
    "apps.ingest.middleware.IngestMiddleware",
    "apps.common.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
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
            ]
        },
    }
]

STATIC_URL = "/static/"
STATIC_ROOT = env.VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Served straight from static/, so that a fresh clone needs no collecting step.
SERVESTATIC_USE_FINDERS = True
SERVESTATIC_ALLOW_ALL_ORIGINS = False

LANGUAGE_CODE = "en"
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "users.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "apps.users.adapters.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
# Without a mail server nobody could follow a link: e-mails count as verified then, and the start says so.
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if env.text("EMAIL_URL") else "none"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_USER_DISPLAY = operator.attrgetter("email")

_mail = env.email_config("EMAIL_URL")
EMAIL_BACKEND = str(_mail.get("EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend"))
EMAIL_HOST = str(_mail.get("EMAIL_HOST", "localhost"))
EMAIL_PORT = int(str(_mail.get("EMAIL_PORT", 25) or 25))
EMAIL_HOST_USER = str(_mail.get("EMAIL_HOST_USER") or "")
EMAIL_HOST_PASSWORD = str(_mail.get("EMAIL_HOST_PASSWORD") or "")
EMAIL_USE_TLS = bool(_mail.get("EMAIL_USE_TLS", False))
EMAIL_USE_SSL = bool(_mail.get("EMAIL_USE_SSL", False))
DEFAULT_FROM_EMAIL = env.mail_address("DEFAULT_FROM_EMAIL", "Data Pusher <datapusher@localhost>")

REGISTRATION = env.choice("REGISTRATION", "open", {"open", "invite"})
MAX_ACCOUNTS_PER_USER = env.integer("MAX_ACCOUNTS_PER_USER", 20, low=1, high=1_000_000)
MAX_DESTINATIONS_PER_ACCOUNT = env.integer("MAX_DESTINATIONS_PER_ACCOUNT", 1000, low=1, high=1_000_000)
