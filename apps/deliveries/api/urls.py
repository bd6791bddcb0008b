from django.urls import path

from apps.deliveries.api import actions, exports, glance, replays, views

urlpatterns = [
    path("accounts/<uuid:account_id>/deliveries/", views.DeliveriesOfAccountView.as_view()),
    path("accounts/<uuid:account_id>/stats/", views.StatsView.as_view()),
    path("accounts/<uuid:account_id>/glance/", glance.GlanceView.as_view()),
    path("deliveries/<uuid:delivery_id>/", views.DeliveryView.as_view()),
    path("events/<uuid:event_id>/", views.EventView.as_view()),
    path("events/<uuid:event_id>/replay/", actions.ReplayView.as_view()),
    path("deliveries/<uuid:delivery_id>/cancel/", actions.CancelView.as_view()),
    path("destinations/<uuid:destination_id>/test/", actions.TestView.as_view()),
    path("accounts/<uuid:account_id>/replays/", replays.ReplaysView.as_view()),
    path("replays/<uuid:replay_id>/", replays.ReplayJobView.as_view()),
    path("replays/<uuid:replay_id>/pause/", replays.PauseView.as_view()),
    path("replays/<uuid:replay_id>/resume/", replays.ResumeView.as_view()),
    path("replays/<uuid:replay_id>/cancel/", replays.CancelReplayView.as_view()),
    path("accounts/<uuid:account_id>/export/", exports.StartView.as_view()),
    path("exports/<uuid:export_id>/", exports.ExportView.as_view()),
    path("exports/<uuid:export_id>/data/", exports.DataView.as_view()),
]
