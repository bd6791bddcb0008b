"""Which other origins' pages may read the REST API and post events. No cookie ever goes along: they bring a token."""

from corsheaders.defaults import default_headers

from datapusher.settings import env

CORS_ALLOWED_ORIGINS = env.origins("CORS_ALLOWED_ORIGINS")
CORS_URLS_REGEX = r"^/(api/v1/|server/incoming_data/?$)"
CORS_ALLOW_CREDENTIALS = False
CORS_ALLOW_HEADERS = (
    *default_headers,
    "cl-x-token",
    "cl-x-event-id",
    "if-match",
    "if-none-match",
    "traceparent",
    "x-request-id",
)
CORS_EXPOSE_HEADERS = (
    "Content-Disposition",
    "Deprecation",
    "ETag",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "Sunset",
    "X-Request-ID",
)
# Seconds. An origin that was taken from the list is refused a day later at most; its requests carry no header at once.
CORS_PREFLIGHT_MAX_AGE = 86_400
