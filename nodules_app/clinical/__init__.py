"""Guidelines, risk models and the calendar: standard library only, ``Decimal`` and ``date``, no float decides."""
