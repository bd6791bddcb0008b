"""Every route of the product and what each kind of person gets there. A new route is a new line.

admin     Admin of the account
normal    a Normal user of it; so is who was Admin until just now, with the same session and bearer (`demoted`)
stranger  registered, member of no account; so is an Admin of another one (`other`), who was removed (`removed`), and who is
          invited and has not come (`invited`; made by the Admin's invitation, so they create no accounts)
anonymous nobody is signed in
"""

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

Who = Literal["admin", "normal", "demoted", "stranger", "other", "removed", "invited", "anonymous"]
PEOPLE: tuple[Who, ...] = get_args(Who)
_LIKE: dict[Who, Literal["normal", "stranger"]] = {
    "demoted": "normal",
    "other": "stranger",
    "removed": "stranger",
    "invited": "stranger",
}


@dataclass(frozen=True)
class Row:
    method: str
    path: str
    """With {account}, {destination} … for ids of Alice's account; the same in `body`."""
    admin: int
    normal: int
    stranger: int
    anonymous: int
    body: dict[str, Any] | None = field(default=None, kw_only=True)
    invited: int | None = field(default=None, kw_only=True)
    other: int | None = field(default=None, kw_only=True)
    saves: bool = field(default=False, kw_only=True)
    """A form that a Normal user may save too: it answers with a redirect, and has changed something."""

    def expected(self, who: Who) -> int:
        own: int | None = getattr(self, who, None)
        return getattr(self, _LIKE[who]) if own is None else own


_ACCOUNT = {"account_name": "New"}
_DESTINATION = {
    "account_id": "{account}", "url": "https://hooks.example.com/", "http_method": "POST", "headers": {"X-Key": "new"},
}  # fmt: skip
_MEMBER = {"account_id": "{account}", "email": "zoe@example.com", "role_id": 2}
_ROLE = {"account_id": "{account}", "role_id": 2}
_SIGN_UP = {"email": "new@example.com", "password": "correct horse battery"}

# Below /api/v1/
REST = [
    #    method    path                                        admin normal stranger anonymous
    Row("POST",   "auth/register/",                            201,  201,   201,     201, body=_SIGN_UP),
    Row("POST",   "auth/login/",                               401,  401,   401,     401, body=_SIGN_UP),
    Row("POST",   "auth/refresh/",                             401,  401,   401,     401, body={"refresh": "x"}),
    Row("POST",   "auth/logout/",                              204,  204,   204,     401),
    Row("GET",    "auth/me/",                                  200,  200,   200,     401),
    Row("GET",    "roles/",                                    200,  200,   200,     401),
    Row("GET",    "accounts/",                                 200,  200,   200,     401),
    Row("POST",   "accounts/",                                 201,  201,   201,     401, body=_ACCOUNT, invited=403),
    Row("GET",    "accounts/{account}/",                       200,  200,   404,     401),
    Row("PUT",    "accounts/{account}/",                       200,  200,   404,     401, body=_ACCOUNT),
    Row("PATCH",  "accounts/{account}/",                       200,  200,   404,     401, body=_ACCOUNT),
    Row("DELETE", "accounts/{account}/",                       204,  403,   404,     401),
    Row("GET",    "accounts/{account}/token/",                 200,  403,   404,     401),
    Row("POST",   "accounts/{account}/token/rotate/",          200,  403,   404,     401),
    Row("GET",    "accounts/{account}/audit/",                 200,  403,   404,     401),
    Row("GET",    "accounts/{account}/destinations/",          200,  200,   404,     401),
    Row("GET",    "destinations/",                             200,  200,   200,     401),
    Row("POST",   "destinations/",                             201,  403,   400,     401, body=_DESTINATION),
    Row("GET",    "destinations/{destination}/",               200,  200,   404,     401),
    Row("PUT",    "destinations/{destination}/",               200,  200,   404,     401, body=_DESTINATION),
    Row("PATCH",  "destinations/{destination}/",               200,  200,   404,     401, body={"name": "New"}),
    Row("DELETE", "destinations/{destination}/",               204,  403,   404,     401),
    Row("POST",   "destinations/{destination}/pause/",         200,  403,   404,     401),
    Row("POST",   "destinations/{destination}/resume/",        200,  403,   404,     401),
    Row("GET",    "destinations/{destination}/secret/",        200,  403,   404,     401),
    Row("POST",   "destinations/{destination}/secret/rotate/", 200,  403,   404,     401),
    Row("PATCH",  "auth/me/",                                  200,  200,   200,     401, body={}),
    Row("DELETE", "auth/me/",                                  409,  204,   204,     401, other=409),  # last Admins stay
    Row("GET",    "auth/me/export/",                           200,  200,   200,     401),
    Row("GET",    "accounts/{account}/members/",               200,  200,   404,     401),
    Row("GET",    "members/",                                  200,  200,   200,     401),
    Row("POST",   "members/",                                  201,  403,   400,     401, body=_MEMBER),
    Row("GET",    "members/{member}/",                         200,  200,   404,     401),
    Row("PUT",    "members/{member}/",                         200,  403,   404,     401, body=_ROLE),
    Row("PATCH",  "members/{member}/",                         200,  403,   404,     401, body=_ROLE),
    Row("DELETE", "members/{member}/",                         204,  403,   404,     401),
    Row("GET",    "accounts/{account}/logs/",                  200,  200,   404,     401),
    Row("GET",    "logs/{log}/",                               200,  200,   404,     401),
    Row("GET",    "accounts/{account}/events/",                200,  200,   404,     401),
    Row("GET",    "events/{event}/",                           200,  200,   404,     401),
    Row("GET",    "events/{event}/replay/",                    200,  200,   404,     401),
    Row("POST",   "events/{event}/replay/",                    201,  403,   404,     401),
    Row("GET",    "accounts/{account}/deliveries/",            200,  200,   404,     401),
    Row("GET",    "deliveries/{delivery}/",                    200,  200,   404,     401),
    Row("POST",   "deliveries/{delivery}/cancel/",             200,  403,   404,     401),
    Row("GET",    "accounts/{account}/stats/",                 200,  200,   404,     401),
    Row("GET",    "accounts/{account}/glance/",                200,  200,   404,     401),
    Row("POST",   "destinations/{destination}/test/",          200,  403,   404,     401),
    Row("GET",    "accounts/{account}/replays/",               200,  200,   404,     401),
    Row("POST",   "accounts/{account}/replays/",               201,  403,   404,     401, body={"status": "failed"}),
    Row("GET",    "replays/{replay}/",                         200,  200,   404,     401),
    Row("POST",   "replays/{replay}/pause/",                   200,  403,   404,     401),
    Row("POST",   "replays/{replay}/resume/",                  200,  403,   404,     401),
    Row("POST",   "replays/{replay}/cancel/",                  200,  403,   404,     401),
    Row("POST",   "accounts/{account}/export/",                201,  403,   404,     401),
    Row("GET",    "exports/{export}/",                         200,  403,   404,     401),
    Row("GET",    "exports/{export}/data/",                    200,  403,   404,     401),
]  # fmt: skip

# Below /. Of a view that is a function each has GET and POST here; the tables of the operators' site all have the same rows.
_FORM = {"url": "https://hooks.example.com/", "http_method": "POST", "headers": "X-Key: v"}
_VERSION = {"version": "1"}
_RENAMED = _ACCOUNT | _VERSION
_SETTINGS = _FORM | _VERSION | {"timeout_s": "5"}
_NO_JSON = {"body": "no"}  # a real test would leave this one's transaction
_GRACE = {"grace_seconds": "3600"}
_INVITED = {"email": "zoe@example.com", "role_id": "2"}
PAGES = [
    #    method  path                                                 admin normal stranger anonymous
    Row("GET",  "",                                                   302,  302,   302,     200),
    Row("POST", "",                                                   302,  302,   302,     200),
    Row("GET",  "accounts/new/",                                      200,  200,   200,     302, invited=403),
    Row("POST", "accounts/new/",                                      201,  201,   201,     302, body=_ACCOUNT, invited=403),
    Row("GET",  "accounts/{account}/live/",                                   200, 200, 404, 302),
    Row("POST", "accounts/{account}/live/",                                   405, 405, 405, 302),
    Row("GET",  "accounts/{account}/glance/",                                 200, 200, 404, 302),
    Row("POST", "accounts/{account}/glance/",                                 405, 405, 405, 302),
    Row("GET",  "accounts/{account}/history/",                                200, 403, 404, 302),
    Row("POST", "accounts/{account}/history/",                                405, 405, 405, 302),
    Row("GET",  "accounts/{account}/settings/",                               200, 200, 404, 302),
    Row("POST", "accounts/{account}/settings/",                               302, 302, 404, 302, body=_RENAMED, saves=True),
    Row("GET",  "accounts/{account}/token/",                                  302, 302, 302, 302),
    Row("POST", "accounts/{account}/token/",                                  200, 403, 404, 302),
    Row("GET",  "accounts/{account}/token/rotate/",                           302, 302, 302, 302),
    Row("POST", "accounts/{account}/token/rotate/",                           200, 403, 404, 302, body=_GRACE),
    Row("GET",  "accounts/{account}/delete/",                                 302, 302, 302, 302),
    Row("POST", "accounts/{account}/delete/",                                 302, 403, 404, 302),
    Row("GET",  "accounts/{account}/members/",                                200, 200, 404, 302),
    Row("POST", "accounts/{account}/members/",                                302, 403, 404, 302, body=_INVITED),
    Row("GET",  "accounts/{account}/members/{member}/role/",                  302, 302, 302, 302),
    Row("POST", "accounts/{account}/members/{member}/role/",                  302, 403, 404, 302, body=_ROLE),
    Row("GET",  "accounts/{account}/members/{member}/remove/",                302, 302, 302, 302),
    Row("POST", "accounts/{account}/members/{member}/remove/",                302, 403, 404, 302),
    Row("GET",  "accounts/{account}/destinations/",                           200, 200, 404, 302),
    Row("POST", "accounts/{account}/destinations/",                           405, 405, 405, 302),
    Row("GET",  "accounts/{account}/destinations/new/",                       200, 403, 404, 302),
    Row("POST", "accounts/{account}/destinations/new/",                       201, 403, 404, 302, body=_FORM),
    Row("GET",  "accounts/{account}/destinations/{destination}/",             200, 200, 404, 302),
    Row("POST", "accounts/{account}/destinations/{destination}/",             405, 405, 405, 302),
    Row("GET",  "accounts/{account}/destinations/{destination}/settings/",    200, 200, 404, 302),
    Row("POST", "accounts/{account}/destinations/{destination}/settings/",    302, 302, 404, 302, body=_SETTINGS, saves=True),
    Row("GET",  "accounts/{account}/destinations/{destination}/signing/",     200, 200, 404, 302),
    Row("POST", "accounts/{account}/destinations/{destination}/signing/",     405, 405, 405, 302),
    Row("GET",  "accounts/{account}/destinations/{destination}/secret/",      302, 302, 302, 302),
    Row("POST", "accounts/{account}/destinations/{destination}/secret/",      200, 403, 404, 302),
    Row("GET",  "accounts/{account}/destinations/{destination}/secret/rotate/",302, 302, 302, 302),
    Row("POST", "accounts/{account}/destinations/{destination}/secret/rotate/",200, 403, 404, 302, body=_GRACE),
    Row("GET",  "accounts/{account}/destinations/{destination}/pause/",       302, 302, 302, 302),
    Row("POST", "accounts/{account}/destinations/{destination}/pause/",       302, 403, 404, 302),
    Row("GET",  "accounts/{account}/destinations/{destination}/resume/",      302, 302, 302, 302),
    Row("POST", "accounts/{account}/destinations/{destination}/resume/",      302, 403, 404, 302),
    Row("GET",  "accounts/{account}/destinations/{destination}/delete/",      302, 302, 302, 302),
    Row("POST", "accounts/{account}/destinations/{destination}/delete/",      302, 403, 404, 302),
    Row("GET",  "accounts/{account}/destinations/{destination}/test/",        302, 302, 302, 302),
    Row("POST", "accounts/{account}/destinations/{destination}/test/",        400, 403, 404, 302, body=_NO_JSON),
    Row("GET",  "accounts/{account}/events/",                                 200, 200, 404, 302),
    Row("POST", "accounts/{account}/events/",                                 405, 405, 405, 302),
    Row("GET",  "accounts/{account}/events/{event}/",                         200, 200, 404, 302),
    Row("POST", "accounts/{account}/events/{event}/",                         405, 405, 405, 302),
    Row("GET",  "accounts/{account}/events/{event}/data/",                    200, 200, 404, 302),
    Row("POST", "accounts/{account}/events/{event}/data/",                    405, 405, 405, 302),
    Row("GET",  "accounts/{account}/events/{event}/replay/",                  302, 302, 302, 302),
    Row("POST", "accounts/{account}/events/{event}/replay/",                  302, 403, 404, 302),
    Row("GET",  "accounts/{account}/deliveries/",                             200, 200, 404, 302),
    Row("POST", "accounts/{account}/deliveries/",                             405, 405, 405, 302),
    Row("GET",  "accounts/{account}/deliveries/{delivery}/",                  200, 200, 404, 302),
    Row("POST", "accounts/{account}/deliveries/{delivery}/",                  405, 405, 405, 302),
    Row("GET",  "accounts/{account}/deliveries/{delivery}/cancel/",           302, 302, 302, 302),
    Row("POST", "accounts/{account}/deliveries/{delivery}/cancel/",           302, 403, 404, 302),
    Row("GET",  "accounts/{account}/replays/",                                200, 200, 404, 302),
    Row("POST", "accounts/{account}/replays/",                                405, 405, 405, 302),
    Row("GET",  "accounts/{account}/replays/new/",                            200, 403, 404, 302),
    Row("POST", "accounts/{account}/replays/new/",                            302, 403, 404, 302, body={"status": "failed"}),
    Row("GET",  "accounts/{account}/replays/{replay}/",                       200, 200, 404, 302),
    Row("POST", "accounts/{account}/replays/{replay}/",                       405, 405, 405, 302),
    Row("GET",  "accounts/{account}/replays/{replay}/pause/",                 302, 302, 302, 302),
    Row("POST", "accounts/{account}/replays/{replay}/pause/",                 302, 403, 404, 302),
    Row("GET",  "accounts/{account}/replays/{replay}/resume/",                302, 302, 302, 302),
    Row("POST", "accounts/{account}/replays/{replay}/resume/",                302, 403, 404, 302),
    Row("GET",  "accounts/{account}/replays/{replay}/cancel/",                302, 302, 302, 302),
    Row("POST", "accounts/{account}/replays/{replay}/cancel/",                302, 403, 404, 302),
    Row("GET",  "inbox/{key}/",                                               404, 404, 404, 404),
    Row("POST", "inbox/{key}/",                                               404, 404, 404, 404),
    Row("GET",  "accounts/{account}/inboxes/",                                302, 302, 302, 302),
    Row("POST", "accounts/{account}/inboxes/",                                302, 403, 404, 302),
    Row("GET",  "accounts/{account}/inboxes/{key}/",                          404, 404, 404, 302),
    Row("POST", "accounts/{account}/inboxes/{key}/",                          405, 405, 405, 302),
    Row("GET",  "accounts/{account}/sample/",                                 302, 302, 302, 302),
    Row("POST", "accounts/{account}/sample/",                                 302, 403, 404, 302),
    Row("GET",  "accounts/{account}/export/",                                 200, 403, 404, 302),
    Row("POST", "accounts/{account}/export/",                                 302, 403, 404, 302),
    Row("GET",  "accounts/{account}/export/{export}/data/",                   200, 403, 404, 302),
    Row("POST", "accounts/{account}/export/{export}/data/",                   405, 405, 405, 302),
    # django-allauth: empty forms
    Row("GET",  "user/login/",                                        302,  302,   302,     200),
    Row("POST", "user/login/",                                        302,  302,   302,     200),
    Row("GET",  "user/logout/",                                       200,  200,   200,     302),
    Row("POST", "user/logout/",                                       302,  302,   302,     302),
    Row("GET",  "user/inactive/",                                     200,  200,   200,     200),
    Row("GET",  "user/signup/",                                       302,  302,   302,     200),
    Row("POST", "user/signup/",                                       302,  302,   302,     200),
    Row("GET",  "user/reauthenticate/",                               200,  200,   200,     302),
    Row("POST", "user/reauthenticate/",                               200,  200,   200,     302),
    Row("GET",  "user/email/",                                        200,  200,   200,     302),
    Row("POST", "user/email/",                                        302,  302,   302,     302),
    Row("GET",  "user/confirm-email/",                                200,  200,   200,     200),
    Row("POST", "user/confirm-email/",                                405,  405,   405,     405),
    Row("GET",  "user/confirm-email/{key}/",                          200,  200,   200,     200),
    Row("POST", "user/confirm-email/{key}/",                          404,  404,   404,     404),
    Row("GET",  "user/password/change/",                              200,  200,   200,     302),
    Row("POST", "user/password/change/",                              200,  200,   200,     302),
    Row("GET",  "user/password/set/",                                 302,  302,   302,     302),
    Row("POST", "user/password/set/",                                 302,  302,   302,     302),
    Row("GET",  "user/password/reset/",                               200,  200,   200,     200),
    Row("POST", "user/password/reset/",                               200,  200,   200,     200),
    Row("GET",  "user/password/reset/done/",                          200,  200,   200,     200),
    Row("GET",  "user/password/reset/key/{key}-{key}/",               200,  200,   200,     200),
    Row("POST", "user/password/reset/key/{key}-{key}/",               200,  200,   200,     200),
    Row("GET",  "user/password/reset/key/done/",                      200,  200,   200,     200),
    Row("GET",  "user/login/code/confirm/",                           302,  302,   302,     302),
    Row("POST", "user/login/code/confirm/",                           302,  302,   302,     302),
    Row("GET",  "user/invitation/key/{key}/",                         404,  404,  404,   404),
    Row("POST", "user/invitation/key/{key}/",                         404,  404,  404,   404),
    Row("GET",  "user/data/",                                         200,  200,  200,   302),
    Row("POST", "user/data/",                                         400,  400,  400,   302),
    Row("GET",  "user/data/export/",                                  200,  200,  200,   302),
    Row("POST", "user/data/export/",                                  405,  405,  405,   302),
    Row("GET",  "user/sessions/",                                     200,  200,  200,   302),
    Row("POST", "user/sessions/",                                     405,  405,  405,   302),
    Row("GET",  "user/sessions/browser/{session}/end/",               405,  405,   405,     405),
    Row("POST", "user/sessions/browser/{session}/end/",               302,  302,  302,   302),
    Row("GET",  "user/sessions/client/{sign_in}/end/",                405,  405,   405,     405),
    Row("POST", "user/sessions/client/{sign_in}/end/",                302,  302,  302,   302),
    Row("GET",  "user/mfa/",                                          200,  200,  200,   302),
    Row("GET",  "user/mfa/authenticate/",                             302,  302,  302,   302),
    Row("POST", "user/mfa/authenticate/",                             302,  302,  302,   302),
    Row("GET",  "user/mfa/reauthenticate/",                           302,  302,  302,   302),
    Row("POST", "user/mfa/reauthenticate/",                           302,  302,  302,   302),
    Row("GET",  "user/mfa/totp/activate/",                            302,  302,  302,   302),
    Row("POST", "user/mfa/totp/activate/",                            302,  302,  302,   302),
    Row("GET",  "user/mfa/totp/deactivate/",                          404,  404,   404,     302),
    Row("POST", "user/mfa/totp/deactivate/",                          404,  404,   404,     302),
    Row("GET",  "user/mfa/recovery-codes/",                           404,  404,   404,     302),
    Row("GET",  "user/mfa/recovery-codes/download/",                  404,  404,   404,     302),
    Row("GET",  "user/mfa/recovery-codes/generate/",                  302,  302,  302,   302),
    Row("POST", "user/mfa/recovery-codes/generate/",                  302,  302,  302,   302),
    # the API's documents
    Row("GET",    "api/schema/",                               200,  200,   200,     200),
    Row("POST",   "api/schema/",                            405,  405,   405,     405),
    Row("GET",    "api/docs/",                                 200,  200,   200,     200),
    Row("POST",   "api/docs/",                              405,  405,   405,     405),
    Row("GET",    "api/redoc/",                                200,  200,   200,     200),
    Row("POST",   "api/redoc/",                             405,  405,   405,     405),
    # for operators: an Admin is none
    Row("GET",  "admin/password_change/",                             302,  302,   302,     302),
    Row("POST", "admin/password_change/",                             302,  302,   302,     302),
    Row("GET",  "admin/login/",                                       404,  404,   404,     302),
    Row("POST", "admin/login/",                                       404,  404,   404,     302),
    *(
        Row(method, f"admin/{below}", 404, 404, 404, 302)
        for method in ("GET", "POST")
        for below in (
            "", "logout/", "password_change/done/", "autocomplete/", "jsi18n/", "r/{key}/{key}/", "{app}/", "{app}/{table}/",
            "{app}/{table}/add/", "{app}/{table}/{key}/change/", "{app}/{table}/{key}/delete/", "{app}/{table}/{key}/history/",
            "nowhere/",
        )
    ),
    Row("GET",  "admin/{app}/{table}/{key}/",                         404,  404,   404,     302),
]  # fmt: skip

# 101: it opens; else the code of the close; 403: the handshake is refused.
SOCKETS = [
    Row("GET", "ws/accounts/{account}/logs/",                         101,  101,   4404,    4401),
    Row("GET", "ws/nowhere/",                                         403,  403,   403,     403),
]  # fmt: skip
