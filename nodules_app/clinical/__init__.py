"""Guidelines, risk models and the calendar: the standard library only, ``Decimal`` and ``date``, no floats in a decision."""
