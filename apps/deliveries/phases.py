"""When a try came how far, and from that the parts which people see."""

import time

from apps.deliveries.request import Error, Phases

_NONE = Phases()
# The largest that a column takes: a clock that leaps must not cost the log.
_MS_MAX = 2_147_483_647


class Watch:
    """Of one try. Moments by time.monotonic(), in seconds; None: it did not come so far.

    A kept connection is neither dialled nor connected. Who is dialled anew begins anew: the last connection counts.
    """

    __slots__ = ("_answered", "_began", "_by_name", "_connected", "_dialled", "_looked_up", "_ready", "_secure")

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._dialled: float | None = None
        self._answered: float | None = None

    def dialled(self, *, secure: bool) -> None:
        """A new connection begins. `secure`: it will be of TLS."""
        self._dialled = time.monotonic()
        self._secure = secure
        self._by_name = True
        self._looked_up: float | None = None
        self._connected: float | None = None
        self._ready: float | None = None

    def looked_up(self, *, by_name: bool) -> None:
        """The address is known. `by_name`: it had to be asked for, or was remembered from a moment ago."""
        self._looked_up, self._by_name = time.monotonic(), by_name

    def connected(self) -> None:
        """TCP is; of several addresses, or of one that was given up for the next, the last."""
        self._connected, self._ready = time.monotonic(), None

    def ready(self) -> None:
        """The connection can bring a request: after TLS, where there is any."""
        self._ready = time.monotonic()

    def answered(self) -> None:
        """The answer's head is in."""
        self._answered = time.monotonic()

    def passed_ms(self) -> int:
        return _ms(self._began, time.monotonic())

    def phases(self, error: Error = Error.NONE) -> Phases:
        """Until now, when the try has ended: the phase that it ended in has all the time since the one before."""
        dialled, answered = self._dialled, self._answered
        if dialled is None:
            return _NONE if answered is None else Phases(first_byte_ms=_ms(self._began, answered))
        if error is Error.ADDRESS_FORBIDDEN:
            return _NONE
        now = time.monotonic()
        looked_up, connected, ready = self._looked_up, self._connected, self._ready
        # A name that leads to a forbidden address looks like one that does not resolve: a phase would tell of our network.
        if looked_up is None or error is Error.DNS_FAILED:
            return Phases(dns_ms=_ms(dialled, now))
        return Phases(
            dns_ms=_ms(dialled, looked_up) if self._by_name else None,
            connect_ms=_ms(looked_up, connected or now),
            tls_ms=_ms(connected, ready or now) if connected and self._secure else None,
            first_byte_ms=_ms(ready, answered) if ready and answered else None,
        )


def _ms(start: float, end: float) -> int:
    return min(round((end - start) * 1000), _MS_MAX)
