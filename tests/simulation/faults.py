"""What goes wrong: a worker that dies between two statements or altogether, a connection that is cut, a message lost.

``Killed`` is what a process is to the database when it dies: the connection ends without a word, in whatever
transaction it was. For a sample whole processes are forked and really killed with SIGKILL.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import sys
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

import psycopg2
from django.core.cache import cache
from django.db import DatabaseError, OperationalError, connection

from tests.providers import MailServer

LATEST_STATEMENT = 40
LOST_THE_DATABASE = os.EX_TEMPFAIL
ENDED = {0: "beat in two processes at once", LOST_THE_DATABASE: "beat lost the database in its process"}


class Killed(BaseException):
    """The worker is dead; whatever catches faults of the product must not catch this."""


def cut() -> None:
    """End the connection as the death of its process would: without a word to the server."""
    if connection.connection is not None:
        with socket.socket(fileno=os.dup(connection.connection.fileno())) as wire:
            wire.shutdown(socket.SHUT_RDWR)


class Faults:
    """Draws what goes wrong, does it, and counts."""

    def __init__(self, chance: random.Random, share: float) -> None:
        self.chance, self.share = chance, share
        self.done: Counter[str] = Counter()

    def attempt(self, act: Callable[[], object]) -> bool:
        """Do an act, perhaps under a fault; false when nobody knows what came of it, so that it is tried again."""
        if self.chance.random() >= self.share:
            act()
            return True
        fault = self.chance.choice((self._killed, self._terminated, self._twice))
        return fault(act)

    def _killed(self, act: Callable[[], object]) -> bool:
        """Die before the n-th statement, or not, when the act has fewer."""
        try:
            with connection.execute_wrapper(self._at(self.chance.randint(1, LATEST_STATEMENT), self._die)):
                act()
        except Killed:
            connection.close()
            self.done["worker killed between two statements"] += 1
            return False
        return True

    def _terminated(self, act: Callable[[], object]) -> bool:
        """Lose the connection before the n-th statement; the product meets it as it would meet a failing server."""
        try:
            with connection.execute_wrapper(self._at(self.chance.randint(1, LATEST_STATEMENT), self._terminate)):
                act()
        except DatabaseError:
            connection.close()
            return False
        return True

    def _twice(self, act: Callable[[], object]) -> bool:
        """Deliver the same order twice."""
        self.done["act delivered twice"] += 1
        act()
        act()
        return True

    def _at(self, number: int, happen: Callable[[], None]) -> Callable[..., object]:
        left = number

        def wrapper(execute: Callable[..., object], sql: str, params: object, many: bool, context: object) -> object:
            nonlocal left
            left -= 1
            if left == 0:
                happen()
            return execute(sql, params, many, context)

        return wrapper

    def _die(self) -> None:
        cut()
        raise Killed

    def _terminate(self) -> None:
        """Have the server end our session, as an operator or a fail-over does."""
        pid = connection.connection.info.backend_pid
        told = connection.settings_dict
        link = psycopg2.connect(
            host=told["HOST"], port=told["PORT"], user=told["USER"], password=told["PASSWORD"], dbname=told["NAME"]
        )
        with link, link.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 1000)", [pid])
        link.close()
        self.done["database connection cut"] += 1

    @contextmanager
    def dying_when_mail_was_taken(self, mail: MailServer) -> Iterator[None]:
        """Die between the server's answer and writing it down: at the first statement after a mail was taken."""
        before = len(mail.mails)

        def wrapper(execute: Callable[..., object], sql: str, params: object, many: bool, context: object) -> object:
            if len(mail.mails) > before:
                self._die()
            return execute(sql, params, many, context)

        try:
            with connection.execute_wrapper(wrapper):
                yield
        except Killed:
            connection.close()
            self.done["worker killed between sending and recording"] += 1

    def processes(self, *works: Callable[[], object], kill: bool) -> None:
        """Let each work run in a process of its own, all at once; with ``kill`` end them by SIGKILL somewhere."""
        connection.close()
        cache.close()
        children = [self._fork(work) for work in works]
        if kill:
            time.sleep(self.chance.uniform(0.005, 0.25))
            for child, _ in children:
                os.kill(child, signal.SIGKILL)
        for child, last_words in children:
            with last_words:
                said = last_words.read()  # until it ends
            _, status = os.waitpid(child, 0)
            code = os.waitstatus_to_exitcode(status)
            self.done[ENDED.get(code, "process killed with SIGKILL")] += 1
            sys.stderr.write(said)
            assert code in ENDED or code == -signal.SIGKILL, f"a beat ended with {code} in its process: {said}"

    @staticmethod
    def _fork(work: Callable[[], object]) -> tuple[int, TextIO]:
        """Give the process and what it has to say when it fails."""
        reading, writing = os.pipe()
        child = os.fork()
        if child:
            os.close(writing)
            return child, os.fdopen(reading)
        code = 1
        try:
            work()
            connection.close()
            code = 0
        except OperationalError:
            code = LOST_THE_DATABASE  # the next beat makes up for it, as it would in service
            os.write(writing, traceback.format_exc().encode())
        finally:
            if code == 1:
                os.write(writing, traceback.format_exc().encode())
            os._exit(code)


class Broker:
    """Holds messages for the workers, loses some, brings some twice, and forgets all of them when it is restarted."""

    def __init__(self, chance: random.Random, faults: Faults) -> None:
        self.chance, self.faults = chance, faults
        self.waiting: deque[str] = deque()

    def send_task(self, _name: str, *, args: list[str], **_options: object) -> None:
        draw = self.chance.random()
        if draw < 0.04:
            self.faults.done["message lost by the broker"] += 1
            return
        self.waiting.append(args[0])
        if draw > 0.96:
            self.faults.done["message delivered twice"] += 1
            self.waiting.append(args[0])

    def restart(self) -> None:
        self.faults.done["broker restarted empty"] += 1
        self.waiting.clear()
