"""Numbers, charts, ledger and health, as the live page and a destination's page show them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from apps.accounts.models import Account
from apps.accounts.selectors import membership
from apps.common.pages import given_id, page
from apps.deliveries.glance import SPANS, Glance, Health, Ledger, glance, health_of, reason_of
from apps.deliveries.network import inbox_key
from apps.deliveries.words import HEALTHS
from apps.destinations.models import Destination
from apps.destinations.selectors import destination_of, destinations_of
from apps.users.selectors import caller

_OVER = {"15m": "15 minutes", "day": "24 hours", "week": "7 days"}
# Seconds until the page asks anew: hours change less.
_ANEW_S = {"15m": 5, "day": 60, "week": 60}
# And one more for so many destinations: a list of 200 takes 0.3 s to make for each who looks, and tries show at once anyway.
_LIST_A_SECOND = 10
# Of the destinations that are not well, so many are named.
_NAMED = 3
# Events a second below which their number says more.
_RARE = 0.1
# Seconds by which the booking may trail before the page says so.
_BEHIND_S = 30
# What a curve without a script is drawn in.
_WIDTH, _HEIGHT = 240, 40

_NOTHING = ("–", "")  # noqa: RUF001  (a dash, as in the tables)

Values = Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Card:
    """A number with its course."""

    name: str
    title: str
    value: str
    unit: str
    note: str
    curve: list[str]
    """The pieces of its line, as SVG has them."""


@dataclass(frozen=True, slots=True)
class Line:
    """How a destination is, in words."""

    health: Health
    look: str
    word: str
    reason: str

    @property
    def inbox(self) -> str:
        return inbox_key(self.health.destination.url)


@dataclass(frozen=True, slots=True)
class Part:
    """Of the ledger."""

    look: str
    word: str
    count: int
    share: float
    """0 to 100, and what stands before it."""
    before: float


def shown(
    request: HttpRequest, account: Account, destinations: Sequence[Destination], only: UUID | None = None
) -> dict[str, Any]:
    """What `deliveries/_glance.html` needs. `only`: of this destination, else of all."""
    span = request.GET.get("span", "")
    seen = glance(account.pk, span if span in SPANS else "15m", only)
    lines = {each.pk: line_of(health) for each, health in zip(destinations, health_of(account.pk, destinations), strict=True)}
    unwell = [line for line in lines.values() if line.health.state not in {"healthy", "idle"}]
    return {
        "glance": seen,
        "glance_url": f"{reverse('glance', args=[account.pk])}?span={seen.span}{f'&destination={only}' if only else ''}",
        "anew_s": max(_ANEW_S[seen.span], len(destinations) // _LIST_A_SECOND),
        "spans": [(name, over, name == seen.span) for name, over in _OVER.items()],
        "cards": _cards(seen, only),
        "ledger": _parts(seen.ledger),
        "series": _series(seen),
        "lines": lines,
        "verdict": _verdict(list(lines.values()), only),
        "unwell": sorted(unwell, key=lambda line: list(HEALTHS).index(line.health.state))[:_NAMED],
        "more_unwell": max(0, len(unwell) - _NAMED),
        "behind": (seen.now - seen.booked_until).total_seconds() > _BEHIND_S,
        "only": only,
    }


@page
def fragment(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """The same alone, and of all destinations the list too: a script puts its parts in the place of what it shows."""
    account = membership(caller(request), account_id).account
    only = given_id(request.GET.get("destination", ""))
    destinations = [destination_of(account, only)] if only else destinations_of(account)
    return render(request, "deliveries/_anew.html", {"account": account} | shown(request, account, destinations, only))


def line_of(health: Health) -> Line:
    return Line(health, *HEALTHS[health.state], reason_of(health))


def _verdict(lines: Sequence[Line], only: UUID | None) -> tuple[str, str]:
    """Look and words, where nobody is unwell."""
    if all(line.health.state == "idle" for line in lines):
        return HEALTHS["idle"]
    return HEALTHS["healthy"] if only else ("ok", "all is well")


def _cards(seen: Glance, only: UUID | None) -> list[Card]:
    series, tries, latency = _series(seen), seen.tries, seen.tries.latency_ms
    rate = tries.success_rate
    return [
        _accepted(seen, only, series["accepted"]),
        Card(
            "success",
            "Delivered",
            *(_NOTHING if rate is None else (_short(rate * 100), " %")),
            f"{tries.success:,} of {tries.success + tries.failed:,} tries",
            _curve(series["success"], 1),
        ),
        Card(
            "latency",
            "Latency p95",
            *(_NOTHING if latency["p95"] is None else (f"{latency['p95']:,}", " ms")),
            "nothing sent" if latency["p50"] is None else f"p50 {latency['p50']:,} · p99 {latency['p99']:,}",
            _curve(series["p95"]),
        ),
        Card("waiting", "Waiting", f"{seen.ledger.waiting:,}", "", "", _curve(series["waiting"])),
    ]


def _accepted(seen: Glance, only: UUID | None, values: Values) -> Card:
    number = sum(step.accepted for step in seen.steps)
    per_s = number / (seen.now - seen.steps[0].start).total_seconds()
    what = "deliveries" if only else "events"
    said = (f"{number:,}", f" {what}", "") if per_s < _RARE else (_short(per_s), "/s", f"{number:,} {what}")
    return Card("accepted", "Accepted", *said, _curve(values))


def _short(number: float) -> str:
    """Three digits: 0.12, 4.25, 98.7, 100, 1,204."""
    return f"{number:.3g}" if number < 999.5 else f"{number:,.0f}"


def _series(seen: Glance) -> dict[str, Values]:
    """For charts: by name, a value for each of `times`."""
    steps = seen.steps
    return {
        "times": [step.start.timestamp() for step in steps],
        "accepted": [step.accepted_per_s for step in steps],
        "success": [step.tries.success_rate for step in steps],
        **{percent: [step.tries.latency_ms[percent] for step in steps] for percent in ("p50", "p95", "p99")},
        "waiting": [step.waiting for step in steps],
    }


def _curve(values: Values, top: float = 0) -> list[str]:
    """Lines through the values, from 0 to `top` or the highest; one ends where a value is missing."""
    highest = max([top, *(value for value in values if value is not None)]) or 1
    pieces: list[list[str]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            pieces.append([])
        else:
            x, y = _WIDTH * place / max(1, len(values) - 1), (_HEIGHT - 2) * (1 - value / highest) + 1
            pieces[-1].append(f"{x:.1f},{y:.1f}")
    return [" ".join(points) for points in pieces if len(points) > 1]


def _parts(ledger: Ledger) -> list[Part]:
    """In the order of the bar."""
    counts = {"delivered": "ok", "waiting": "warn", "failed": "bad", "cancelled": "mute"}
    parts, before = [], 0.0
    for word, look in counts.items():
        count = getattr(ledger, word)
        share = 100 * count / max(1, ledger.accepted)
        parts.append(Part(look, word, count, round(share, 2), round(before, 2)))
        before += share
    return parts
