"""``python -m tests.simulation [FOLLOW_UPS] [SEED]``: five years with faults, on servers of its own, told as Markdown.

The figures of ``docs/simulation.md`` are what this prints. Ends with status 1 when anything was lost or came twice.
"""

from __future__ import annotations

import os
import resource
import sys
import time

from tests.benchmarks.bench_clinic import servers

FAULTS_SHARE = 0.06  # of all acts, one meets a fault while it is done


def main(wanted: int, seed: int) -> int:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nodules_app.settings")
    django.setup()
    from django.core.management import call_command

    from tests.simulation.whole import live

    call_command("migrate", verbosity=0)
    began, cpu_s = time.perf_counter(), time.process_time()
    outcome = live(wanted=wanted, seed=seed, faults=FAULTS_SHARE)
    told = [
        *outcome.lines(),
        "",
        f"Seed {seed}; {time.perf_counter() - began:.0f} s of wall time, {time.process_time() - cpu_s:.0f} s of CPU of"
        f" the process, {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB.",
    ]
    print("\n".join(told))
    return 1 if outcome.broken else 0


if __name__ == "__main__":
    with servers():
        status = main(int((sys.argv[1:2] or ["20000"])[0]), int((sys.argv[2:3] or ["1"])[0]))
    sys.exit(status)
