from django.urls import path

from apps.deliveries.views import destinations, events, exports, glance, live, replays

_ACCOUNT = "accounts/<uuid:account_id>"

urlpatterns = [
    path(f"{_ACCOUNT}/live/", live.live, name="live"),
    path(f"{_ACCOUNT}/glance/", glance.fragment, name="glance"),
    path(f"{_ACCOUNT}/events/", events.listed, name="events"),
    path(f"{_ACCOUNT}/events/<uuid:event_id>/", events.event, name="event"),
    path(f"{_ACCOUNT}/events/<uuid:event_id>/data/", events.data, name="event-data"),
    path(f"{_ACCOUNT}/events/<uuid:event_id>/replay/", events.replay, name="event-replay"),
    path(f"{_ACCOUNT}/deliveries/", events.deliveries, name="deliveries"),
    path(f"{_ACCOUNT}/deliveries/<uuid:delivery_id>/", events.delivery, name="delivery"),
    path(f"{_ACCOUNT}/deliveries/<uuid:delivery_id>/cancel/", events.cancel, name="delivery-cancel"),
    path(f"{_ACCOUNT}/replays/", replays.listed, name="replays"),
    path(f"{_ACCOUNT}/replays/new/", replays.new, name="replay-new"),
    path(f"{_ACCOUNT}/replays/<uuid:replay_id>/", replays.replay, name="replay"),
    path(f"{_ACCOUNT}/replays/<uuid:replay_id>/pause/", replays.pause, name="replay-pause"),
    path(f"{_ACCOUNT}/replays/<uuid:replay_id>/resume/", replays.resume, name="replay-resume"),
    path(f"{_ACCOUNT}/replays/<uuid:replay_id>/cancel/", replays.cancel, name="replay-cancel"),
    path(f"{_ACCOUNT}/destinations/<uuid:destination_id>/", destinations.destination, name="destination"),
    path(f"{_ACCOUNT}/destinations/<uuid:destination_id>/test/", destinations.test, name="destination-test"),
    path(f"{_ACCOUNT}/export/", exports.exports, name="exports"),
    path(f"{_ACCOUNT}/export/<uuid:export_id>/data/", exports.download, name="export-data"),
]
