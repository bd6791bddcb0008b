"""What operators may look at, and from where."""

from datapusher.settings import env

# Who reads /metrics sends it as bearer. Without one, /metrics answers only where HOST is a loopback address.
METRICS_TOKEN = env.bearer("METRICS_TOKEN")
# Where a worker serves /metrics and /health/live/, on HOST. None: nowhere.
METRICS_PORT = env.integer("METRICS_PORT", 1, low=1, high=65_535) if env.text("METRICS_PORT") else None

# The collector to which traces go, by OTLP over HTTP; the extra `otel` must be installed. Empty: no traces. The SDK reads this
# variable and its own others (OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_HEADERS) by itself.
OTEL_EXPORTER_OTLP_ENDPOINT = env.http_url("OTEL_EXPORTER_OTLP_ENDPOINT")
