"""Spans for a collector, by OpenTelemetry's SDK: imported only where OTEL_EXPORTER_OTLP_ENDPOINT is set (an extra).

The SDK's own variables hold: OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_HEADERS, and so on.
"""

import atexit
import os
from collections.abc import Sequence
from threading import Event, Thread
from uuid import UUID

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags, set_span_in_context

from apps.common.traces import Name, Step, span_of, trace_of
from apps.common.version import __version__

# Seconds that the end of a process waits for spans to go out: a collector that is away would keep it for 30.
_CLOSE_S = 2.0
_KINDS: dict[Name, SpanKind] = {"accept": SpanKind.SERVER, "deliver": SpanKind.CLIENT}


class _Ids(RandomIdGenerator):
    """Gives a span the id that it is to have. For one event loop."""

    def __init__(self) -> None:
        self.trace = self.span = 0

    def generate_trace_id(self) -> int:
        return self.trace or super().generate_trace_id()

    def generate_span_id(self) -> int:
        return self.span or super().generate_span_id()


class Exporter:
    def __init__(self, processor: SpanProcessor | None = None) -> None:
        self._ids = _Ids()
        about = {SERVICE_VERSION: __version__}
        if not os.environ.get("OTEL_SERVICE_NAME"):
            about[SERVICE_NAME] = "datapusher"
        provider = TracerProvider(resource=Resource.create(about), id_generator=self._ids, shutdown_on_exit=False)
        provider.add_span_processor(processor or BatchSpanProcessor(OTLPSpanExporter()))
        self._sampler, self._tracer = provider.sampler, provider.get_tracer("datapusher", __version__)
        _close_at_exit(provider)

    def send(self, event: UUID, traceparent: str, steps: Sequence[Step]) -> None:
        """The event's span is the parent of all but itself; its own is the sender's, where there is one."""
        sender = _parsed(traceparent)
        trace = sender.trace_id if sender else trace_of(event)
        flags = sender.trace_flags if sender else self._flags(trace)
        ours = SpanContext(trace, span_of(event), is_remote=True, trace_flags=flags)
        for step in steps:
            is_first = step.name == "accept"
            self._ids.trace, self._ids.span = trace, ours.span_id if is_first else step.span
            self._emit(step, _context(sender if is_first else ours))

    def _flags(self, trace: int) -> TraceFlags:
        """As the sampler decides where nobody has decided before: the same in each process."""
        sampled = self._sampler.should_sample(None, trace, "accept").decision.is_sampled()
        return TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)

    def _emit(self, step: Step, context: Context) -> None:
        span = self._tracer.start_span(
            step.name,
            context,
            kind=_KINDS.get(step.name, SpanKind.INTERNAL),
            attributes=dict(step.facts),
            start_time=int(step.began * 1e9),
        )
        if step.error:
            span.set_status(Status(StatusCode.ERROR, step.error))
        span.end(int(step.ended * 1e9))


def _parsed(traceparent: str) -> SpanContext | None:
    """None for nothing, and for the ids of zeros that the standard calls invalid."""
    if not traceparent:
        return None
    _, trace, span, flags = traceparent.split("-")
    found = SpanContext(int(trace, 16), int(span, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))
    return found if found.is_valid else None


def _context(parent: SpanContext | None) -> Context:
    return Context() if parent is None else set_span_in_context(NonRecordingSpan(parent), Context())


def _close_at_exit(provider: TracerProvider) -> None:
    """The thread stands ready from the start: at its end an interpreter makes no new ones."""
    ending = Event()

    def close() -> None:
        ending.wait()
        provider.shutdown()

    closer = Thread(target=close, name="traces", daemon=True)
    closer.start()

    def end() -> None:
        ending.set()
        closer.join(_CLOSE_S)

    atexit.register(end)
