"""A migration that was released is never changed: databases that have applied it would differ from those that will."""

from tests.released import RELEASED, checksum, migrations


def test_what_is_released_stays_as_it_is() -> None:
    released = set((RELEASED / "migrations.txt").read_text().splitlines())
    assert released <= {checksum(file) for file in migrations()}
    assert len(released) > 30
