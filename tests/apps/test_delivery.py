"""From a stored event to the receiver and into the log."""

from standardwebhooks import Webhook

from apps.deliveries.engine import Engine
from tests.cast import Cast
from tests.fakes.receiver import Receiver
from tests.posting import in_db, post, until


async def test_a_post_reaches_its_destination_with_a_signature_that_anybody_can_verify(
    cast: Cast, receiver: Receiver, engine: Engine
) -> None:
    destination = await in_db(cast.destination, receiver.url)
    await post(cast.token, "order-1", b'{"total": 1.10}')
    engine.wake()
    await until(lambda: receiver.got)
    (request,) = receiver.got
    assert request.body == b'{"total": 1.10}'
    Webhook(destination.signing_secret).verify(request.body, dict(request.headers))
