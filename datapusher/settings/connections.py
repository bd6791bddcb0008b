"""How long a client may take to send a request, and how many connections a serving process has. The same under each server."""

# Seconds from a request's first byte, or from the connection's beginning, until its head is there; browsers open some ahead.
REQUEST_HEAD_S = 10.0
# Seconds for its body: 16 MiB, the most that can be set, at 140 KB a second. A sender's wait for room (20 s) is within it.
REQUEST_BODY_S = 120.0
# Far more than are busy at once; each costs some 10 KB.
CONNECTIONS_MAX = 10_000
