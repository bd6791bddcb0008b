"""An account is deleted between two statements of the transaction that stores its post."""

from collections.abc import Iterable
from unittest.mock import patch
from uuid import UUID

from apps.accounts.services import delete_account
from apps.deliveries.claims import claim_due
from apps.deliveries.models import Delivery
from apps.destinations.selectors import ways
from apps.ingest.batch import Verdict, store
from tests.cast import Cast
from tests.events import make_post


def test_what_is_acknowledged_has_its_deliveries_and_they_are_cancelled(cast: Cast) -> None:
    cast.destination("https://example.com/hook")

    def deleted_next(digests: Iterable[bytes]) -> dict[bytes, tuple[UUID, list[UUID]]]:
        found = ways(digests)
        delete_account(by=cast.admin)
        return found

    with patch("apps.ingest.batch.ways", deleted_next):
        verdicts = store([make_post(cast.token, cast.account, "e1", b"{}")], repeated=True)  # in several statements
    assert verdicts == [Verdict.STORED]
    assert claim_due(10) == []
    assert list(Delivery.objects.values_list("status", "reason")) == [("cancelled", "deleted")]
