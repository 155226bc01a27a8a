"""What became of the reminders of a period, and what they brought back."""

from __future__ import annotations

from collections import Counter
from typing import Final

from nodules_app.ladder.rungs import Channel
from nodules_app.lifecycles import ReminderState
from nodules_app.selectors.quality.asking import Question, ask, spread
from nodules_app.selectors.quality.values import Share, Told

BACK_WITHIN_DAYS: Final = 30

# A task stands in the list from the moment that it was made; a message is out when a carrier took it. An exam counts
# for each rung that went before it within the days: the rungs are not compared, they follow each other.
WALK: Final = """
SELECT r.channel, r.state, r.rung, count(*), count(out.at),
    count(*) FILTER (WHERE s.acquired_on - (out.at AT TIME ZONE %(zone)s)::date BETWEEN 0 AND %(within)s)
FROM nodules_app_reminder r
CROSS JOIN LATERAL (SELECT coalesce(r.handed_over_at,
    CASE WHEN r.channel = %(task)s AND r.state <> %(suppressed)s THEN r.created_at END) AS at) out
JOIN nodules_app_followup f ON f.id = r.follow_up_id
LEFT JOIN nodules_app_study s ON s.id = f.exam_id
WHERE r.clinic_id = ANY(%(clinics)s) AND r.planned_on BETWEEN %(first)s AND %(last)s
GROUP BY 1, 2, 3
"""

ANSWERED: Final = """
SELECT count(*), percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (
    ORDER BY date_part('epoch', acknowledged_at - created_at) / 86400)
FROM nodules_app_reminder
WHERE clinic_id = ANY(%(clinics)s) AND planned_on BETWEEN %(first)s AND %(last)s AND channel = %(task)s
    AND acknowledged_at IS NOT NULL
"""

DONE_ABOUT: Final = """
SELECT outcome, count(*) FROM nodules_app_reminder
WHERE clinic_id = ANY(%(clinics)s) AND planned_on BETWEEN %(first)s AND %(last)s AND channel = %(task)s
    AND acknowledged_at IS NOT NULL
GROUP BY 1 ORDER BY 1
"""


def walk(question: Question) -> Told:
    """Reminders planned in the period: by channel and state, and by rung and channel the exams that followed."""
    words = {"within": BACK_WITHIN_DAYS, "task": str(Channel.TASK), "suppressed": str(ReminderState.SUPPRESSED)}
    by_state: Counter[tuple[str, str]] = Counter()
    sent: Counter[tuple[str, str]] = Counter()
    back: Counter[tuple[str, str]] = Counter()
    for channel, state, rung, count, went_out, came in ask(WALK, question, **words):
        by_state[channel, state] += count
        sent[rung, channel] += went_out
        back[rung, channel] += came
    return Told(
        by_state=tuple((*key, count) for key, count in sorted(by_state.items())),
        brought_back=tuple((*key, Share(back[key], whole)) for key, whole in sorted(sent.items()) if whole),
        by_outcome=tuple((outcome, count) for outcome, count in ask(DONE_ABOUT, question, task=str(Channel.TASK))),
        answered=spread(*ask(ANSWERED, question, task=str(Channel.TASK))[0]),
    )
