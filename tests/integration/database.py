"""The database of the tests, as another process reaches it."""

from __future__ import annotations

from pathlib import Path

from django.db import connection

ROOT = Path(__file__).resolve().parents[2]


def database() -> dict[str, str]:
    """The words that ``psycopg2.connect`` takes."""
    told = connection.settings_dict
    return {"host": told["HOST"], "port": str(told["PORT"]), "user": told["USER"], "password": told["PASSWORD"]} | {
        "dbname": told["NAME"]
    }


def address() -> str:
    """``DATABASE_URL`` of a process that works in it."""
    to = database()
    return f"postgresql://{to['user']}:{to['password']}@{to['host']}:{to['port']}/{to['dbname']}"
