"""``python -m nodules_app.clinical``: cases in, answers out, one JSON object a line, with Python alone.

A past ruleset is kept as an archive of this program; ``--kept`` gives the answers as they are stored, ``--which`` says
which ruleset this is.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from nodules_app.clinical.answers import answer_to_json, kept_answer
from nodules_app.clinical.assessment import RULESET_VERSION
from nodules_app.clinical.codec import answer_lines
from nodules_app.clinical.ruleset import ruleset_hash


def main(arguments: Sequence[str], data: bytes = b"") -> bytes:
    """Give what is to be written for these arguments and this input."""
    if arguments == ["--which"]:
        return json.dumps({"version": RULESET_VERSION, "tables": ruleset_hash()}).encode() + b"\n"
    if arguments not in ([], ["--kept"]):
        raise SystemExit("python -m nodules_app.clinical [--kept | --which] < CASES.jsonl > ANSWERS.jsonl")
    return b"".join(answer_lines(data, as_json=kept_answer if arguments else answer_to_json))


if __name__ == "__main__":
    sys.stdout.buffer.write(main(sys.argv[1:], b"" if "--which" in sys.argv else sys.stdin.buffer.read()))
