"""Keys, hosts, cookies, origins, the content security policy."""

from cryptography.fernet import Fernet

from datapusher.settings import env
from datapusher.settings.base import HOST, PORT

SECRET_KEY = env.made_once("SECRET_KEY", env.random_secret)
FIELD_ENCRYPTION_KEYS = tuple(
    key.strip() for key in env.made_once("FIELD_ENCRYPTION_KEYS", lambda: Fernet.generate_key().decode()).split(",")
)
for _key in FIELD_ENCRYPTION_KEYS:
    try:
        Fernet(_key)
    except ValueError as _error:
        raise env.SettingError("FIELD_ENCRYPTION_KEYS", "each must be a Fernet key (32 bytes, URL-safe base64)") from _error

ALLOWED_HOSTS = env.hosts("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
_public_host = f"[{HOST}]" if ":" in HOST else HOST
PUBLIC_URL = env.origin_url("PUBLIC_URL", f"http://{_public_host}:{PORT}")
_secure = PUBLIC_URL.startswith("https://")

# Who opens http://localhost:8000 where the server says http://127.0.0.1:8000 is the same person at the same machine.
_own_origins = [] if env.text("PUBLIC_URL") else [f"http://{host}:{PORT}" for host in ALLOWED_HOSTS if "*" not in host]
# Full origins with scheme and port: a pattern without them accepts any port.
ALLOWED_ORIGINS = frozenset([PUBLIC_URL, *_own_origins])
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

# What they say of client and scheme stands in the scope when Django gets it (consumers/proxies.py), and in no header: Django's
# SECURE_PROXY_SSL_HEADER and allauth's own ways to believe headers stay off.
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES", "")
SECURE_SSL_REDIRECT = _secure
SECURE_HSTS_SECONDS = 31_536_000 if _secure else 0  # one year, the least that browsers' preload lists accept
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _secure
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
# HSTS for all subdomains, and browsers' preload lists, are for whoever owns the domain to decide, not for one service on it.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

_policy = {
    "default-src": ["'self'"],
    "img-src": ["'self'", "data:"],
    "object-src": ["'none'"],
    "base-uri": ["'none'"],
    "form-action": ["'self'"],
    "frame-ancestors": ["'none'"],
}
SECURE_CSP = _policy  # Django 6
CONTENT_SECURITY_POLICY = {"DIRECTIVES": _policy}  # django-csp, on Django 5.2

PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    # 8 with a check against common ones: NIST SP 800-63B's least.
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 8}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
