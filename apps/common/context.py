"""What belongs to the request that is being answered, for whoever writes down what it did."""

from contextvars import ContextVar

# Empty in a command or a worker.
request_id: ContextVar[str] = ContextVar("request_id", default="")
