"""``python -m tests.simulation.winter FILE``: three months with many faults, in the database of the environment.

A process of its own, because it forks: native threads that other work left in a process do not survive that, and what
then becomes of the child says nothing about the product.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import date
from pathlib import Path

BEGAN, DAYS = date(2027, 12, 27), 95  # until the end of March 2028


def main(told: Path) -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nodules_app.settings")
    django.setup()
    from tests.simulation.whole import live

    outcome = live(wanted=200, began=BEGAN, days=DAYS, seed=3, faults=0.25)
    told.write_text(json.dumps(vars(outcome)), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
