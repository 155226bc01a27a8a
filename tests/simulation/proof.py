"""What must hold at every moment, asked of the database itself and of those who received messages."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from django.db import connection

from nodules_app.lifecycles import OPEN_FOLLOW_UP
from tests.providers import Gateway, MailServer

OPEN = ", ".join(f"'{state}'" for state in OPEN_FOLLOW_UP)
# Of one patient, or of all: an active nodule without a step or reason; more than one open step beside a review; an open
# step over another person's nodule; a finding of a person's nodule on another person's exam.
BROKEN = f"""
SELECT 'lost step: a nodule without a next step', count(*) FROM nodules_app_uncovered_nodule u WHERE {{u}}
UNION ALL
SELECT 'lost step: more than one open', count(*) FROM (
    SELECT 1 FROM nodules_app_followup f WHERE f.state IN ({OPEN}) AND {{f}}
    GROUP BY f.patient_id, f.kind = 'review' HAVING count(*) > 1) many
UNION ALL
SELECT 'orphan nodule: covered by another person''s step', count(*) FROM nodules_app_nodule n
    JOIN nodules_app_followup_nodules fn ON fn.nodule_id = n.id JOIN nodules_app_followup f ON f.id = fn.followup_id
    WHERE f.state IN ({OPEN}) AND f.patient_id <> n.patient_id AND {{n}}
UNION ALL
SELECT 'orphan nodule: seen on another person''s exam', count(*) FROM nodules_app_nodule n
    JOIN nodules_app_finding x ON x.nodule_id = n.id AND x.superseded_at IS NULL
    JOIN nodules_app_scan c ON c.id = x.scan_id JOIN nodules_app_study s ON s.id = c.study_id
    WHERE s.patient_id <> n.patient_id AND {{n}}
"""  # noqa: S608 words of lifecycles
# Of all, now and then: the record of every step is a chain without a gap that ends where the step stands; nothing is
# followed that nobody has seen; nothing is followed under a record that was joined with another.
RECORDS = """
SELECT 'lost step: its record has a gap', count(*) FROM nodules_app_followup f WHERE f.version <> (
    SELECT count(*) FROM nodules_app_followupchange c WHERE c.follow_up_id = f.id)
UNION ALL
SELECT 'lost step: it stands where no record took it', count(*) FROM nodules_app_followup f WHERE f.state <> (
    SELECT c.to_state FROM nodules_app_followupchange c WHERE c.follow_up_id = f.id AND c.version = f.version)
UNION ALL
SELECT 'lost step: a link of its record does not fit', count(*) FROM nodules_app_followupchange c
    JOIN nodules_app_followupchange b ON b.follow_up_id = c.follow_up_id AND b.version = c.version - 1
    WHERE c.from_state <> b.to_state
UNION ALL
SELECT 'orphan nodule: followed and nowhere to be seen', count(*) FROM nodules_app_nodule n
    WHERE n.state = 'active' AND NOT EXISTS (
        SELECT 1 FROM nodules_app_finding x WHERE x.nodule_id = n.id AND x.superseded_at IS NULL)
UNION ALL
SELECT 'orphan nodule: under a record that was joined', count(*) FROM nodules_app_nodule n
    JOIN nodules_app_patientmerge m ON m.gone_id = n.patient_id AND m.undone_at IS NULL
UNION ALL
SELECT 'duplicate message: two of one key handed over', count(*) FROM (
    SELECT 1 FROM nodules_app_reminderevent e WHERE e.to_state = 'handed_over' AND e.step = 'hand_over'
    GROUP BY e.reminder_id HAVING count(*) > 1) twice
"""


@dataclass
class Proof:
    """What was asked and what was found; ``broken`` stays empty."""

    mail: MailServer
    texts: Gateway
    broken: Counter[str] = field(default_factory=Counter)
    asked_of_patients: int = 0
    asked_of_all: int = 0
    mails: Counter[str] = field(default_factory=Counter)

    def of_patient(self, key: int) -> None:
        """Ask after a step of one patient."""
        self.asked_of_patients += 1
        self._ask(
            BROKEN.format(u="u.patient_id = %(key)s", f="f.patient_id = %(key)s", n="n.patient_id = %(key)s"), key
        )

    def of_all(self) -> None:
        """Ask of everybody, and of the receivers whether anything came twice."""
        self.asked_of_all += 1
        self._ask(BROKEN.format(u="true", f="true", n="true"), 0)
        self.of_messages()

    def of_records(self) -> None:
        """Ask whether every record is whole."""
        self._ask(RECORDS, 0)

    def of_messages(self) -> None:
        """Count what the mail server got; the gateway takes a key once by contract."""
        for mail in self.mail.mails:
            self.mails[str(mail["Message-ID"])] += 1
        self.mail.mails.clear()
        twice = sum(count - 1 for count in self.mails.values() if count > 1)
        if twice:
            self.broken["duplicate message: a mail came twice"] = twice
        assert self.texts.unsigned == 0

    def _ask(self, sql: str, key: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql, {"key": key})
            for name, count in cursor.fetchall():
                if count:
                    self.broken[name] = max(self.broken[name], count)
