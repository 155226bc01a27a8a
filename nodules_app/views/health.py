"""What a load balancer and the supervisor ask: does this process reach its database and its queue?"""

from __future__ import annotations

import redis
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

QUEUE_ANSWERS_WITHIN_S = 2.0


@login_not_required
@never_cache
@require_safe
def live(_request: HttpRequest) -> JsonResponse:
    """Say that this process serves; asks nobody else, so a database that restarts does not get it killed."""
    return JsonResponse({"live": True})


@login_not_required
@never_cache
@require_safe
def ready(_request: HttpRequest) -> JsonResponse:
    """Say whether a request can be served to its end now."""
    answers = {"database": _database_answers(), "queue": _queue_answers()}
    return JsonResponse(answers, status=200 if all(answers.values()) else 503)


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _queue_answers() -> bool:
    try:
        with redis.Redis.from_url(settings.CELERY_BROKER_URL, socket_timeout=QUEUE_ANSWERS_WITHIN_S) as queue:
            return bool(queue.ping())
    except redis.RedisError:
        return False
