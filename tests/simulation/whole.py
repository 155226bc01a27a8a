"""Live the years with real receivers of messages, and tell what came of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time

from django.conf import settings

from tests.providers import gateway, mail_server
from tests.simulation.clock import simulated
from tests.simulation.proof import Proof
from tests.simulation.years import BEGAN, FIVE_YEARS_DAYS, Years, at_the_edges, counted

SECRET = "a secret of the simulation"
NAMES = ("lost step", "duplicate message", "orphan nodule")


@dataclass
class Outcome:
    """What was done to the clinic, what became of it, and what broke."""

    tables: dict[str, int]
    faults: Counter[str]
    events: Counter[str]
    refused: Counter[str]
    mails: int
    texts: int
    proofs: tuple[int, int]
    broken: Counter[str] = field(default_factory=Counter)

    def lines(self) -> list[str]:
        """The report, as Markdown."""
        told = ["| what was asked for | found |", "|---|---|"]
        told += [
            f"| {name}s | {sum(many for what, many in self.broken.items() if what.startswith(name))} |"
            for name in NAMES
        ]
        told += [f"| {what} | {many:,} |" for what, many in sorted(self.broken.items())]
        for title, counts in (
            ("in the tables at the end", self.tables),
            ("received outside", {"e-mails": self.mails, "texts": self.texts}),
            ("proved", {"after a step of one patient": self.proofs[0], "of everybody": self.proofs[1]}),
            ("what went wrong", dict(self.faults.most_common())),
            ("what happened", dict(self.events.most_common())),
            ("refused in words", dict(self.refused.most_common())),
        ):
            told += ["", f"| {title} | times |", "|---|---|"]
            told += [f"| {name} | {many:,} |" for name, many in counts.items()]
        return told


def live(*, wanted: int, seed: int, faults: float, began: date = BEGAN, days: int = FIVE_YEARS_DAYS) -> Outcome:
    """Live so many days, in which about so many follow-ups begin.

    Parameters
    ----------
    faults
        Share of the acts that meet a fault.
    """
    before = settings.SMTP, settings.MAIL_FROM, settings.GATEWAY_URL, settings.GATEWAY_SECRET
    with mail_server() as mail, gateway(SECRET) as texts, simulated(datetime.combine(began, time(), UTC)) as clock:
        settings.SMTP = settings.SMTP | {"EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": mail.port}
        settings.MAIL_FROM = "desk@clinic.example"
        settings.GATEWAY_URL, settings.GATEWAY_SECRET = f"http://127.0.0.1:{texts.port}/messages", SECRET
        proof = Proof(mail, texts)
        lived = Years(clock, proof, wanted=wanted, began=began, days=days, seed=seed, faults=faults)
        try:
            with at_the_edges(lived):
                lived.run()
            tables = counted()
        finally:
            settings.SMTP, settings.MAIL_FROM, settings.GATEWAY_URL, settings.GATEWAY_SECRET = before
    return Outcome(
        tables=tables,
        faults=lived.faults.done,
        events=lived.told.events,
        refused=lived.told.refused,
        mails=sum(proof.mails.values()),
        texts=len(texts.texts),
        proofs=(proof.asked_of_patients, proof.asked_of_all),
        broken=proof.broken,
    )
