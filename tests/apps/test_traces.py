"""Traces, where somebody collects them: one for each event, from the sender's own to the receiver."""

import time
from uuid import UUID

import pytest
from django.conf import LazySettings
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from apps.common import otel, traces
from apps.common.ids import uuid7
from apps.deliveries import startup
from apps.deliveries.engine import Engine
from apps.events.models import Event
from apps.logs.models import Log
from tests.cast import Cast
from tests.fakes.receiver import Receiver, Reply
from tests.posting import in_db, post, until

TRACE, SENDER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SENT = f"00-{TRACE}-{SENDER}-01"


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    kept = InMemorySpanExporter()
    monkeypatch.setattr(traces._out, "send", otel.Exporter(SimpleSpanProcessor(kept)).send)
    return kept


def spans(collector: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    """By name; of several tries the last."""
    return {span.name: span for span in collector.get_finished_spans()}


def ids(span: ReadableSpan) -> tuple[str, str, str]:
    """Trace, span, parent, as a `traceparent` writes them."""
    context = span.get_span_context()
    assert context is not None
    return f"{context.trace_id:032x}", f"{context.span_id:016x}", f"{span.parent.span_id:016x}" if span.parent else ""


async def deliver(cast: Cast, receiver: Receiver, engine: Engine, collector: InMemorySpanExporter, **headers: str) -> Event:
    await in_db(cast.destination, receiver.url, retry_schedule=[1])
    await post(cast.token, "e1", b"{}", **headers)
    engine.wake()
    await until(lambda: Log.objects.filter(status="success").exists())
    await until(lambda: sum(span.name == "record" for span in collector.get_finished_spans()) == Log.objects.count())
    return await in_db(Event.objects.get)


async def test_a_senders_trace_goes_through_us_to_the_receiver(
    cast: Cast, receiver: Receiver, engine: Engine, collector: InMemorySpanExporter
) -> None:
    await deliver(cast, receiver, engine, collector, traceparent=SENT)
    found = {name: ids(span) for name, span in spans(collector).items()}
    accept, deliver_ = found["accept"], found["deliver"]
    assert found.keys() == {"accept", "store", "claim", "deliver", "record"}
    assert (accept[0], accept[2]) == (TRACE, SENDER)
    assert {(each[0], each[2]) for name, each in found.items() if name != "accept"} == {(TRACE, accept[1])}
    assert receiver.got[0].header("traceparent") == f"00-{TRACE}-{deliver_[1]}-01"


async def test_without_one_the_event_names_its_trace_and_the_receiver_gets_none(
    cast: Cast, receiver: Receiver, engine: Engine, collector: InMemorySpanExporter
) -> None:
    event = await deliver(cast, receiver, engine, collector)
    found = {name: ids(span) for name, span in spans(collector).items()}
    assert found["accept"] == (f"{traces.trace_of(event.pk):032x}", event.pk.hex[16:], "")
    assert {each[0] for each in found.values()} == {found["accept"][0]}
    assert found["record"][2] == event.pk.hex[16:]
    assert receiver.got[0].header("traceparent") == ""


async def test_each_try_is_a_span_that_says_what_came_of_it_and_no_secret(
    cast: Cast, receiver: Receiver, engine: Engine, collector: InMemorySpanExporter
) -> None:
    receiver.answer = lambda _: Reply(503 if len(receiver.got) == 1 else 200)
    await deliver(cast, receiver, engine, collector, traceparent=SENT)
    tries = [span for span in collector.get_finished_spans() if span.name == "deliver"]
    told = [(span.status.status_code, (span.attributes or {})["http.response.status_code"]) for span in tries]
    assert told == [(StatusCode.ERROR, 503), (StatusCode.UNSET, 200)]
    assert [span.kind for span in tries] == [SpanKind.CLIENT] * 2
    assert [got.header("traceparent") for got in receiver.got] == [f"00-{TRACE}-{ids(span)[1]}-01" for span in tries]
    text = "".join(span.to_json() for span in collector.get_finished_spans())
    assert [secret for secret in (cast.token, "a-secret-value", receiver.url, "alice") if secret in text] == []


async def test_steps_follow_each_other(cast: Cast, receiver: Receiver, engine: Engine, collector: InMemorySpanExporter) -> None:
    await deliver(cast, receiver, engine, collector)
    found = spans(collector)
    order = [found[name].start_time or 0 for name in ("accept", "store", "claim", "deliver", "record")]
    assert order[2:] == sorted(order[2:])
    assert all((span.end_time or 0) >= (span.start_time or 0) > 1e18 for span in found.values())


async def test_what_the_sender_does_not_sample_is_handed_on_and_not_collected(
    cast: Cast, receiver: Receiver, engine: Engine, collector: InMemorySpanExporter
) -> None:
    await in_db(cast.destination, receiver.url)
    await post(cast.token, "e1", b"{}", traceparent=f"00-{TRACE}-{SENDER}-00")
    engine.wake()
    await until(Log.objects.exists)
    assert receiver.got[0].header("traceparent").startswith(f"00-{TRACE}-")
    assert receiver.got[0].header("traceparent").endswith("-00")
    assert collector.get_finished_spans() == ()


@pytest.mark.parametrize("sent", [f"00-{'0' * 32}-{SENDER}-01", f"00-{TRACE}-{'0' * 16}-01"])
async def test_a_trace_of_zeros_is_none(cast: Cast, collector: InMemorySpanExporter, sent: str) -> None:
    await post(cast.token, "e1", b"{}", traceparent=sent)
    event = await in_db(Event.objects.get)
    assert ids(spans(collector)["accept"]) == (f"{traces.trace_of(event.pk):032x}", event.pk.hex[16:], "")


async def test_where_nobody_collects_the_sender_is_the_receivers_parent(cast: Cast, receiver: Receiver, engine: Engine) -> None:
    await in_db(cast.destination, receiver.url)
    await post(cast.token, "e1", b"{}", traceparent=SENT)
    engine.wake()
    await until(lambda: receiver.got)
    assert receiver.got[0].header("traceparent") == SENT


async def test_a_collector_that_fails_costs_the_post_nothing(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(traces._out, "send", broken)
    assert (await post(cast.token, "e1", b"{}")).status == 202


def test_a_collector_gets_them_over_http(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url.removesuffix("/hook"))
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
    otel.Exporter().send(uuid7(), "", [traces.Step("accept", 1.0, 2.0)])
    end = time.monotonic() + 15
    while not receiver.got and time.monotonic() < end:
        time.sleep(0.02)
    assert receiver.got[0].target == "/v1/traces"
    assert b"datapusher" in receiver.got[0].body


def test_a_sampler_decides_alike_in_each_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
    web, worker = InMemorySpanExporter(), InMemorySpanExporter()
    senders = [otel.Exporter(SimpleSpanProcessor(each)).send for each in (web, worker)]
    for event in (uuid7() for _ in range(100)):
        senders[0](event, "", [traces.Step("accept", 1.0, 2.0)])
        senders[1](event, "", [traces.Step("deliver", 2.0, 3.0, span=1)])
    seen = [{ids(span)[0] for span in each.get_finished_spans()} for each in (web, worker)]
    assert seen[0] == seen[1]
    assert 20 < len(seen[0]) < 80


def test_without_the_extra_the_start_ends_with_one_line(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise ImportError

    monkeypatch.setattr(traces, "start", missing)
    settings.OTEL_EXPORTER_OTLP_ENDPOINT = "http://127.0.0.1:4318"
    with pytest.raises(startup.StartError, match=r"^datapusher: OTEL_EXPORTER_OTLP_ENDPOINT: .* `otel` is not installed$"):
        startup._start_traces()


def test_the_ids_are_known_before_and_after() -> None:
    event = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
    assert f"{traces.span_of(event):016x}" == "bcceb302099a8057"
    assert traces.span_of_try(event, 1) == traces.span_of_try(event, 1) != traces.span_of_try(event, 2)
    assert traces.handed_on(SENT, 1) == f"00-{TRACE}-0000000000000001-01"
