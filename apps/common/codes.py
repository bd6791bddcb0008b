"""Why a try failed: the closed list that engine, logs and filters share."""

from enum import StrEnum


class Error(StrEnum):
    """Nothing of the receiver's own words enters it."""

    NONE = ""
    HTTP_STATUS = "http_status"  # answered, but not with 2xx
    TIMEOUT = "timeout"
    CONNECTION_REFUSED = "connection_refused"
    CONNECTION_FAILED = "connection_failed"
    CONNECTION_CLOSED = "connection_closed"
    DNS_FAILED = "dns_failed"
    TLS_FAILED = "tls_failed"
    ADDRESS_FORBIDDEN = "address_forbidden"
    INVALID_RESPONSE = "invalid_response"
    URL_TOO_LONG = "url_too_long"
    INTERNAL = "internal"
