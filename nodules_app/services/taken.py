"""What the database refuses because somebody else was quicker, said as the refusal that it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from django.db import IntegrityError, transaction

from registration.errors import Refused


@contextmanager
def refused_where_taken(refusals: Mapping[str, Refused]) -> Iterator[None]:
    """Do something in a savepoint; raise the refusal that stands for the constraint which it broke.

    Parameters
    ----------
    refusals
        By the name of the constraint; a breach of another one is a fault and stays one.
    """
    try:
        with transaction.atomic():
            yield
    except IntegrityError as broken:
        refusal = refusals.get(constraint_of(broken))
        if refusal is None:
            raise
        raise refusal from broken


def constraint_of(broken: IntegrityError) -> str:
    """Name the constraint that was broken; empty where the database does not say."""
    return getattr(getattr(broken.__cause__, "diag", None), "constraint_name", None) or ""
