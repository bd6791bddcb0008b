"""Register, log in, refresh, log out, me."""

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.exceptions import ValidationError
from rest_framework.exceptions import Throttled
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api.envelope import received
from apps.common.api.views import Endpoint, checked
from apps.common.errors import SignInRefused
from apps.users import services
from apps.users.api.serializers import Credentials, Me, OptionalRefreshToken, RefreshToken
from apps.users.models import SignIn, User


class Open(Endpoint):
    """For who is not signed in; tokens in an answer are never stored on the way."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    cache_control = "no-store"


class Register(Open):
    def post(self, request: Request) -> Response:
        email = services.register(request=request._request, **checked(Credentials(data=request.data)))
        return received({"email": email}, 201)


class LogIn(Open):
    def post(self, request: Request) -> Response:
        given = checked(Credentials(data=request.data))
        user = _authenticate(request, given["email"].lower(), given["password"])
        if settings.ACCOUNT_EMAIL_VERIFICATION == "mandatory" and not _verified(user):
            raise SignInRefused("email_unverified")
        pair = services.sign_in(user=user)
        return received({"access": pair.access, "refresh": pair.refresh})


def _authenticate(request: Request, email: str, password: str) -> User:
    """allauth's own check, with its limits on guessing. Raises SignInRefused, the same for a known and an unknown e-mail."""
    try:
        user = get_adapter().authenticate(request._request, email=email, password=password)
    except ValidationError as error:
        raise Throttled(wait=60) from error  # too many attempts
    if not isinstance(user, User) or not user.is_active:
        raise SignInRefused("unauthenticated")
    return user


def _verified(user: User) -> bool:
    return bool(EmailAddress.objects.filter(user=user, verified=True).exists())


class Refresh(Open):
    def post(self, request: Request) -> Response:
        pair = services.refresh(token=checked(RefreshToken(data=request.data))["refresh"])
        return received({"access": pair.access, "refresh": pair.refresh})


class LogOut(Endpoint):
    cache_control = "no-store"

    def post(self, request: Request) -> Response:
        checked(OptionalRefreshToken(data=request.data))
        if isinstance(request.auth, SignIn):
            services.sign_out(sign_in_id=request.auth.pk)
        else:
            request._request.session.flush()
        return Response(status=204)


class MeView(Endpoint):
    def get(self, request: Request) -> Response:
        return Response(Me(request.user).data)
