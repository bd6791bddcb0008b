"""The REST API."""

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
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "TEST_REQUEST_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}
