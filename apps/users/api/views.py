"""Register, log in, refresh, log out, me."""

from allauth.account.adapter import get_adapter
from allauth.core import ratelimit
from django.conf import settings
from django.contrib.auth import logout, update_session_auth_hash
from django.core.exceptions import ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api.envelope import received
from apps.common.api.schema import operation
from apps.common.api.views import Endpoint, checked
from apps.common.errors import SignInRefused, TooMany
from apps.users import services
from apps.users.api.serializers import (
    CREDENTIALS,
    ME,
    PAIR,
    Credentials,
    LogInCredentials,
    Me,
    NewPassword,
    OptionalRefreshToken,
    Pair,
    RefreshToken,
    Registered,
)
from apps.users.erasing import erase
from apps.users.models import SignIn, User
from apps.users.selectors import caller, has_proved


class Open(Endpoint):
    """For who is not signed in; tokens in an answer are never stored on the way."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    cache_control = "no-store"


class Register(Open):
    @operation(
        "Register",
        description="The answer for a known e-mail is the same, and nothing happens.",
        request=Credentials,
        answer=Registered,
        kind="written",
        status=201,
        errors=(403,),
        public=True,
        examples={"request": CREDENTIALS, "answer": {"email": CREDENTIALS["email"]}},
    )
    def post(self, request: Request) -> Response:
        if not ratelimit.consume(request._request, action="signup"):
            raise TooMany(60)
        email = services.register(request=request._request, **checked(Credentials(data=request.data)))
        return received({"email": email}, 201)


class LogIn(Open):
    @operation(
        "Log in",
        description="A pair of tokens. `email_unverified`: follow the mailed link. `mfa_required`: repeat with `mfa_code`.",
        request=LogInCredentials,
        answer=Pair,
        kind="written",
        public=True,
        codes={401: ["email_unverified", "mfa_required", "mfa_code_wrong"]},
        examples={"request": CREDENTIALS, "answer": PAIR},
    )
    def post(self, request: Request) -> Response:
        given = checked(LogInCredentials(data=request.data))
        user = _authenticate(request, given["email"].lower(), given["password"])
        if settings.ACCOUNT_EMAIL_VERIFICATION == "mandatory" and not has_proved(user):
            raise SignInRefused("email_unverified")
        services.check_second_factor(user=user, code=given["mfa_code"])
        pair = services.sign_in(user=user, user_agent=request.headers.get("User-Agent", ""))
        return received({"access": pair.access, "refresh": pair.refresh})


def _authenticate(request: Request, email: str, password: str) -> User:
    """allauth's own check, with its limits on guessing. Raises SignInRefused, the same for a known and an unknown e-mail."""
    try:
        user = get_adapter().authenticate(request._request, email=email, password=password)
    except ValidationError as error:
        raise TooMany(60) from error  # too many attempts
    if not isinstance(user, User) or not user.is_active:
        raise SignInRefused("unauthenticated")
    return user


class Refresh(Open):
    @operation(
        "Refresh the tokens",
        description="The next pair. A refresh token works once; used again, `refresh_used`, it ends the whole sign-in.",
        request=RefreshToken,
        answer=Pair,
        kind="written",
        public=True,
        codes={401: ["refresh_used"]},
        examples={"request": {"refresh": PAIR["refresh"]}, "answer": PAIR},
    )
    def post(self, request: Request) -> Response:
        pair = services.refresh(token=checked(RefreshToken(data=request.data))["refresh"])
        return received({"access": pair.access, "refresh": pair.refresh})


class LogOut(Endpoint):
    cache_control = "no-store"

    @operation(
        "Log out",
        description="Ends the sign-in that the bearer belongs to, all its tokens at once; without a bearer, the session.",
        request=OptionalRefreshToken,
        kind="empty",
        examples={"request": {}},
    )
    def post(self, request: Request) -> Response:
        checked(OptionalRefreshToken(data=request.data))
        if isinstance(request.auth, SignIn):
            services.sign_out(sign_in_id=request.auth.pk)
        else:
            request._request.session.flush()
        return Response(status=204)


class MeView(Endpoint):
    @operation("Who is signed in", answer=Me, examples={"answer": ME})
    def get(self, request: Request) -> Response:
        return Response(Me(request.user).data)

    @operation(
        "Change your password",
        answer=Me,
        kind="written",
        request=NewPassword,
        errors=[400],
        description="Every other session and token ends. The e-mail is changed on its page: a new one must be proved first.",
        examples={"request": {"password": "another long sentence", "current_password": "a long sentence"}, "answer": ME},
    )
    def patch(self, request: Request) -> Response:
        given = checked(NewPassword(request.user, data=request.data, partial=True))
        user = caller(request)
        if "password" in given:
            keep = request.auth if isinstance(request.auth, SignIn) else None
            present = given.get("current_password", "")
            services.change_password(user=user, present=present, new=given["password"], keep=keep)
            if keep is None:
                update_session_auth_hash(request._request, user)
        return received(Me(user).data)

    @operation(
        "Erase yourself",
        kind="empty",
        errors=[409],
        description="Your e-mail, password, sign-ins and memberships go. 409 while you are the last Admin of an account.",
    )
    def delete(self, request: Request) -> Response:
        erase(user=caller(request))
        logout(request._request)
        return Response(status=204)
