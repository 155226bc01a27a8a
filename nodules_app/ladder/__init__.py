"""When which message or task of a follow-up falls due, as a pure function of facts, rungs, calendar and clock.

Nothing here knows Django, the database or a clock of its own: ``plan`` is handed the moment. Days are calendar days in
the clinic's zone; instants are UTC.
"""
