"""Who calls the API: by bearer token, or by the browser's session with CSRF. Where a bearer is sent, it alone counts."""

from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from apps.users.models import SignIn, User
from apps.users.selectors import bearer_of


class Bearer(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[User, SignIn] | None:
        given = request.headers.get("Authorization", "")
        if not given:
            return None
        scheme, _, token = given.partition(" ")
        found = bearer_of(token.strip()) if scheme.lower() == "bearer" else None
        if found is None:
            raise AuthenticationFailed
        return found.user, found

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class BrowserSession(SessionAuthentication):
    """Django's session; every write needs the CSRF token."""
