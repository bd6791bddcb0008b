"""Who signs in and how; e-mail. The pages are django-allauth's."""

import operator

import django

from datapusher.settings import env

AUTH_USER_MODEL = "users.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "apps.users.adapters.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_FORMS = {"signup": "apps.users.forms.SignUpForm"}
# Without a mail server nobody could follow a link: e-mails count as verified then, and the start says so.
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if env.text("EMAIL_URL") else "none"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
# One e-mail a person: a new one takes the place of the old one once it is proved.
ACCOUNT_CHANGE_EMAIL = True
# Whoever gets hold of an open browser cannot take the sign-in over.
ACCOUNT_REAUTHENTICATION_REQUIRED = True
MFA_ADAPTER = "apps.users.adapters.MfaAdapter"
MFA_TOTP_ISSUER = "Data Pusher"
MFA_TOTP_TOLERANCE = 1  # a code more on either side, for a telephone whose clock is 30 s off
MFA_ALLOW_UNVERIFIED_EMAIL = ACCOUNT_EMAIL_VERIFICATION == "none"
ACCOUNT_USER_DISPLAY = operator.attrgetter("email")

# A request that sends mail waits 10 s at most for a server that does not answer.
_mailer = env.mailer("EMAIL_URL", "apps.common.mail.ReadableConsole", timeout_s=10)
if django.VERSION >= (6, 1):
    MAILERS = {"default": _mailer}
else:  # what came before it, and what Django 6.1 refuses beside it
    EMAIL_BACKEND = _mailer["BACKEND"]
    if _mailer["OPTIONS"]:
        EMAIL_HOST, EMAIL_PORT = _mailer["OPTIONS"]["host"], _mailer["OPTIONS"]["port"]
        EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mailer["OPTIONS"]["username"], _mailer["OPTIONS"]["password"]
        EMAIL_USE_TLS, EMAIL_USE_SSL = _mailer["OPTIONS"]["use_tls"], _mailer["OPTIONS"]["use_ssl"]
        EMAIL_TIMEOUT = _mailer["OPTIONS"]["timeout"]
DEFAULT_FROM_EMAIL = env.mail_address("DEFAULT_FROM_EMAIL", "Data Pusher <datapusher@localhost>")

REGISTRATION = env.choice("REGISTRATION", "open", {"open", "invite"})
