"""``manage.py prove``: ask the database whether anybody is lost."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from nodules_app.services import safety_net


class Command(BaseCommand):
    """Exit 0 with the count when every active nodule is covered, 1 with the patients' codes otherwise."""

    help = "Prove that every active nodule has an open follow-up or a recorded closure."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 Django's own signature
        try:
            active = safety_net.prove()
        except safety_net.SomebodyIsLost as lost:
            raise CommandError(f"No next step and no closure: {lost}") from lost
        self.stdout.write(f"Nobody is lost: {active} active nodules, each with an open step or a recorded closure.")
