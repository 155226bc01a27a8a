"""``manage.py models``: list the learned models, try them, and say which version a task uses."""

from __future__ import annotations

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from inference.model_card import Task
from inference.model_errors import ModelRefused
from inference.registry import OFF
from nodules_app.services import models
from nodules_app.services.pipeline.networks import tried


class Command(BaseCommand):
    help = "List the learned models; --use VERSION pins one for a task ('off': none, 'recommended': ours); --check."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("task", nargs="?", choices=list(Task))
        parser.add_argument("--use", metavar="VERSION", help="a version, 'off', or 'recommended'")
        parser.add_argument("--check", action="store_true", help="read the weights and ask each model a fixed question")

    def handle(self, *, task: str | None, use: str | None, check: bool, **_options: object) -> None:
        if use is not None:
            if task is None:
                raise CommandError("Say for which task.")
            try:
                models.choose(task=Task(task), version="" if use == "recommended" else use, by=None)
            except ModelRefused as refusal:
                raise CommandError(f"{refusal.as_sentence()} {refusal.as_remedy()}") from refusal
        known = models.registry()
        for standing in (models.in_use(one, known) for one in ([Task(task)] if task else Task)):
            self._tell(standing, check=check)
        for name, why in known.refused:
            self.stdout.write(f"{name}: {why.as_sentence()}")

    def _tell(self, standing: models.InUse, *, check: bool) -> None:
        chosen = standing.pinned or "recommended"
        self.stdout.write(f"{standing.task} (chosen: {chosen})")
        if standing.refusal:
            self.stdout.write(f"  without a model: {standing.refusal.as_sentence()}")
        for model in standing.versions:
            mark = "*" if model == standing.model else " "
            whose = "the hospital's" if model.own else "ours"
            answer = f"; {tried(model)}" if check else ""
            self.stdout.write(f" {mark} {model.card.version}, {whose}: {model.card.verdict or 'no verdict'}{answer}")
        if standing.pinned == OFF or (standing.model is None and not standing.refusal):
            self.stdout.write("  done without a model")
