"""The way of a question through the conference in a period, whole and in its parts."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from nodules_app.selectors.quality.asking import Question, ask, spread
from nodules_app.selectors.quality.values import Conference, Share

WITHIN: Final = timedelta(hours=24)
ON_AND_OFF: Final = ("list", "return", "withdraw")  # steps that decide whether a case stands on a list

OUTCOMES: Final = """
WITH confirmed AS (
    SELECT date_part('epoch', o.confirmed_at - c.created_at) / 86400 AS whole,
        CASE WHEN m.began_at IS NOT NULL  -- a question may come while the meeting sits
            THEN date_part('epoch', greatest(m.began_at, c.created_at) - c.created_at) / 86400 END AS to_meeting,
        date_part('epoch', o.confirmed_at - m.ended_at) / 86400 AS to_outcome,
        o.confirmed_at <= m.ended_at + %(within)s OR m.ended_at IS NULL AS is_in_time
    FROM nodules_app_mdtoutcome o
    JOIN nodules_app_mdtcase c ON c.id = o.case_id
    JOIN nodules_app_patient p ON p.id = c.patient_id
    LEFT JOIN nodules_app_mdtmeeting m ON m.id = c.meeting_id
    WHERE p.clinic_id = ANY(%(clinics)s) AND o.confirmed_at >= %(start)s AND o.confirmed_at < %(stop)s
)
SELECT count(*) FILTER (WHERE is_in_time), count(*),
    count(whole), percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY whole),
    count(to_meeting), percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY to_meeting),
    count(to_outcome), percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY greatest(to_outcome, 0))
        FILTER (WHERE to_outcome IS NOT NULL)
FROM confirmed
"""

ACTIONS: Final = """
WITH owed AS (
    SELECT a.due_on, (a.done_at AT TIME ZONE %(zone)s)::date AS done_on,
        date_part('epoch', a.done_at - o.confirmed_at) / 86400 AS days
    FROM nodules_app_mdtaction a
    JOIN nodules_app_mdtcase c ON c.id = a.case_id
    JOIN nodules_app_patient p ON p.id = c.patient_id
    JOIN nodules_app_mdtoutcome o ON o.case_id = c.id AND o.confirmed_at IS NOT NULL
    WHERE p.clinic_id = ANY(%(clinics)s) AND a.due_on BETWEEN %(first)s AND %(passed)s
)
SELECT count(*) FILTER (WHERE done_on <= due_on), count(*),
    count(days), percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY greatest(days, 0))
        FILTER (WHERE days IS NOT NULL)
FROM owed
"""

# One row for each case and meeting that had it on its list once: the case itself forgets the meetings that sent it
# back or carried it. Nobody's "return" is the closing that found the case incomplete.
COMPLETE: Final = """
WITH listed AS (
    SELECT bool_or(h.step = 'return' AND h.by_id IS NULL) AS was_incomplete,
        (array_agg(h.step ORDER BY h.version DESC) FILTER (WHERE h.at <= m.cut_off_at))[1] AS last_step
    FROM nodules_app_mdtmeeting m
    JOIN nodules_app_mdtchange h ON h.meeting_id = m.id AND h.step = ANY(%(on_and_off)s)
    JOIN nodules_app_mdtcase c ON c.id = h.case_id
    JOIN nodules_app_patient p ON p.id = c.patient_id
    WHERE p.clinic_id = ANY(%(clinics)s) AND m.starts_at >= %(start)s AND m.starts_at < %(stop)s
        AND m.began_at IS NOT NULL
    GROUP BY h.case_id, m.id
)
SELECT count(*) FILTER (WHERE last_step = 'list' AND NOT was_incomplete), count(*)
FROM listed WHERE last_step IS DISTINCT FROM 'withdraw'
"""

ACTIONS_OVERDUE: Final = """
SELECT count(*)
FROM nodules_app_mdtaction a
JOIN nodules_app_mdtcase c ON c.id = a.case_id
JOIN nodules_app_patient p ON p.id = c.patient_id
JOIN nodules_app_mdtoutcome o ON o.case_id = c.id AND o.confirmed_at IS NOT NULL
WHERE p.clinic_id = ANY(%(clinics)s) AND a.done_at IS NULL AND a.due_on < %(today)s
"""


def walk(question: Question) -> Conference:
    """Outcomes confirmed in the period, and actions whose day lies in it and has passed."""
    passed: date = min(question.last, question.today - timedelta(days=1))
    ((in_time, confirmed, *times),) = ask(OUTCOMES, question, within=WITHIN)
    ((kept, owed, *done),) = ask(ACTIONS, question, passed=passed)
    ((complete, listed),) = ask(COMPLETE, question, on_and_off=list(ON_AND_OFF))
    return Conference(
        wait=spread(*times[0:2]),
        to_meeting=spread(*times[2:4]),
        to_outcome=spread(*times[4:6]),
        to_done=spread(*done),
        within_24_h=Share(in_time, confirmed),
        complete_at_cut_off=Share(complete, listed),
        actions_on_time=Share(kept, owed),
    )


def actions_overdue(question: Question) -> int:
    """Actions of confirmed outcomes whose day has passed and that nobody has done yet, whatever the period."""
    ((found,),) = ask(ACTIONS_OVERDUE, question)
    return int(found)
