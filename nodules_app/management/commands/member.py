"""``manage.py member NAME ROLE``: give somebody a role in a clinic; the way in for the first administrator."""

from __future__ import annotations

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from nodules_app.models import Clinic, Role, User
from nodules_app.services import clinics, members
from registration.errors import Refused


class Command(BaseCommand):
    help = "Give a person a role. Without --clinic: in the only clinic, which is made if there is none yet."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("role", choices=Role.values)
        parser.add_argument("--clinic", help="name of the clinic; a new name makes a new clinic", default="")

    def handle(self, *, username: str, role: str, clinic: str, **_options: object) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"Nobody is called {username}. Make the account first: manage.py createsuperuser.")
        try:
            where = Clinic.objects.get_or_create(name=clinic)[0] if clinic else clinics.first_clinic()
        except Refused as refused:
            raise CommandError(f"{refused.sentence.format(**refused.facts)} {refused.remedy}") from refused
        members.give_role(user=user, clinic=where, role=Role(role), by=None)
        self.stdout.write(f"{username} is {Role(role).label} at {where.name}.")
