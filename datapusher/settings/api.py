"""The REST API and its documents."""

from apps.common.version import __version__

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        # First: where a bearer is sent, it alone counts.
        "apps.users.api.authentication.Bearer",
        "apps.users.api.authentication.BrowserSession",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["apps.common.api.codec.JsonParser"],
    "DEFAULT_RENDERER_CLASSES": ["apps.common.api.codec.JsonRenderer"],
    "EXCEPTION_HANDLER": "apps.common.api.envelope.answer_error",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,  # `?format=` is an unknown parameter like any other
    "DEFAULT_SCHEMA_CLASS": "apps.common.api.schema.Described",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "TEST_REQUEST_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}

_ABOUT = """
JSON in at one path, brought to every destination of the account by signed webhook, at least once, every try logged.

**Reads** answer with the resource, or a page: `{"next", "previous", "results"}`. **Writes** answer
`{"success": true, "message": "Data Received", "data": …}`. **Errors** answer
`{"success": false, "message", "code", "details", "request_id"}`. A method that a path does not have is 405.

In a write an unknown field is refused; a field that only we set is ignored, so that what GET gave can be PUT back.
What you may not see does not exist: in a path 404, in a body 400 naming the field.

Every answer carries `X-Request-ID`: your own, when you send 1 to 128 characters of `A-Za-z0-9._-`.

Within v1 nothing is removed or renamed. The same in a story, with curl, Python, Node and Go: docs/api.md.
"""

SPECTACULAR_SETTINGS = {
    "TITLE": "Data Pusher",
    "DESCRIPTION": _ABOUT.strip(),
    "VERSION": __version__,
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "DISABLE_DOCSTRING_DESCRIPTIONS": True,  # ours speak to who changes the code
    # Not drf-spectacular's own for enums: it would name them after whatever app comes first.
    "POSTPROCESSING_HOOKS": [
        "apps.common.api.answers.complete",
        "apps.ingest.api.schema.describe",
        "consumers.schema.describe",
    ],
}
