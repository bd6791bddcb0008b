"""The same job as most Django teams would write it: a view, the ORM, a Celery task (Redis) and requests.

Token, idempotency, a signature, retries and a log row for each try; no batches. `gunicorn tests.benchmarks.team:application`
and `celery -A tests.benchmarks.team:worker worker`. `python -m tests.benchmarks.team NUMBER URL`: tables, and as many tokens.
"""

import hashlib
import hmac
import json
import os
import secrets
import sys
import time
from importlib import import_module
from typing import Any

import django
import environ
import requests
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.db import IntegrityError, connection, models, transaction
from django.http import HttpRequest, JsonResponse
from django.urls import path

settings.configure(
    DATABASES={"default": environ.Env.db_url_config(os.environ["DATABASE_URL"]) | {"CONN_MAX_AGE": None}},
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="x",
    USE_TZ=True,
)
django.setup()


class Account(models.Model):
    token = models.CharField(max_length=64, unique=True)
    url = models.URLField()
    secret = models.CharField(max_length=64)
    objects: models.Manager["Account"] = models.Manager()

    class Meta:
        app_label = "team"

    def __str__(self) -> str:
        return str(self.pk)


class Event(models.Model):
    account = models.ForeignKey(Account, on_delete=models.CASCADE)
    event_id = models.CharField(max_length=255)
    body = models.BinaryField()
    received_at = models.DateTimeField(auto_now_add=True)
    objects: models.Manager["Event"] = models.Manager()

    class Meta:
        app_label = "team"
        constraints = [models.UniqueConstraint(fields=["account", "event_id"], name="team_event_once")]

    def __str__(self) -> str:
        return str(self.pk)


class Log(models.Model):
    event = models.ForeignKey(Event, on_delete=models.CASCADE)
    status = models.IntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
    objects: models.Manager["Log"] = models.Manager()

    class Meta:
        app_label = "team"

    def __str__(self) -> str:
        return str(self.pk)


worker: Any = import_module("celery").Celery("team", broker=os.environ.get("REDIS_URL", ""))
worker.conf.task_ignore_result = True
worker.conf.task_acks_late = True
_session = requests.Session()


@worker.task(bind=True, max_retries=9)
def deliver(self: Any, event_pk: int) -> None:
    event = Event.objects.select_related("account").get(pk=event_pk)
    body = bytes(event.body)
    moment = str(int(time.time()))
    signature = hmac.new(event.account.secret.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "X-Timestamp": moment, "X-Signature": signature}
    try:
        status = _session.post(event.account.url, data=body, headers=headers, timeout=15).status_code
    except requests.RequestException as error:
        raise self.retry(exc=error, countdown=5) from error
    Log.objects.create(event=event, status=status)


def incoming(request: HttpRequest) -> JsonResponse:
    account = Account.objects.filter(token=request.headers.get("CL-X-TOKEN", "")).first()
    if account is None:
        return JsonResponse({"success": False}, status=401)
    try:
        json.loads(request.body)
    except ValueError:
        return JsonResponse({"success": False}, status=400)
    try:
        with transaction.atomic():
            event = Event.objects.create(account=account, event_id=request.headers["CL-X-EVENT-ID"], body=request.body)
            transaction.on_commit(lambda: deliver.delay(event.pk))
    except IntegrityError:
        return JsonResponse({"success": True})
    return JsonResponse({"success": True}, status=202)


urlpatterns = [path("", incoming)]
application = WSGIHandler()


def main(number: int, url: str) -> None:
    with connection.schema_editor() as editor:
        for model in (Account, Event, Log):
            editor.create_model(model)
    made = [Account(token=secrets.token_hex(16), url=url, secret=secrets.token_hex(16)) for _ in range(number)]
    Account.objects.bulk_create(made)
    print("\n".join(account.token for account in made))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
