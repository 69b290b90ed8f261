"""Which statements does PostgreSQL itself say that it received?

Its log is written by the server's own processes, before they answer: none of our code has a hand in it.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

_STATEMENT = re.compile(r"LOG:  (?:statement|execute [^:]*): (.*)", re.DOTALL)
_CONNECTED = "LOG:  connection authorized"
# A server-side cursor is opened by one statement; how it is read in portions is the driver's affair.
_READING_A_CURSOR = ("FETCH ", "CLOSE ")
_FIELDS = 5


@dataclass(frozen=True)
class Heard:
    """The statements that the server has logged since the log was opened."""

    statements: list[str]
    connections: list[int]


class ServerLog:
    """The lines of a server's log that are written from now on, about some databases."""

    def __init__(self, databases):
        self._databases = set(databases)
        self._path = Path(os.environ["DATABASE_LOG"])
        self._start = self._path.stat().st_size

    def heard(self):
        """Read the lines that have been written since."""
        statements, connections = [], []
        for backend, database, message in self._messages():
            if database not in self._databases:
                continue
            statement = _STATEMENT.match(message)
            if statement and not statement[1].startswith(_READING_A_CURSOR):
                statements.append(statement[1])
            if message.startswith(_CONNECTED):
                connections.append(backend)
        return Heard(statements, connections)

    def _messages(self):
        with self._path.open(encoding="utf-8") as log:
            log.seek(self._start)
            text = log.read()
        # A line that begins with a tab goes on with the message above it.
        for message in text.replace("\n\t", "\f").splitlines():
            fields = message.replace("\f", "\n").split("\t", _FIELDS - 1)
            if len(fields) == _FIELDS:
                yield int(fields[1]), fields[2], fields[4]
