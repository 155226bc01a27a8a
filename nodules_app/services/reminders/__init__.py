"""From an open step to an answer: the sweep writes rows, the dispatcher sends, the reconciler keeps it true.

The order of a message's life: ``sweep`` writes the row together with the reason for it; ``dispatch`` claims it, looks
again whether it still may go out, hands it over and writes that down; ``reconcile`` finds what was left half way, turns
what failed into a task for a person, and lets silence move up. See docs/reminders.md.
"""
