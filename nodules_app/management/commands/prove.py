"""``manage.py prove``: ask the database whether anybody is lost."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from nodules_app.services import safety_net


class Command(BaseCommand):
    """Exit 0 with the counts when every active nodule is covered, 1 with the list otherwise."""

    help = "Prove that every active nodule has an open follow-up or a recorded closure."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 Django's own signature
        try:
            proof = safety_net.prove()
        except safety_net.SomebodyIsLost as lost:
            lines = "\n".join(f"patient {one.patient}  {one.label}  nodule {one.nodule}" for one in lost.proof.lost)
            raise CommandError(f"No next step and no closure:\n{lines}") from lost
        covered = proof.covered
        self.stdout.write(
            f"Nobody is lost: {covered.active_nodules} active nodules, each with an open step or a recorded closure "
            f"({covered.by_step} with a step, {covered.by_closure} with a closure), {proof.at:%Y-%m-%d %H:%M} UTC."
        )
