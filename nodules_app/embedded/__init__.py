"""Real PostgreSQL and Valkey from wheels, for machines whose environment names no servers.

For development, tests and the demo: loopback only, one password, one machine; production refuses them.
One process at a time owns the servers of a folder. It holds ``servers.lock``, which the kernel releases when the
owner dies, however it dies; other commands of the same checkout read ``servers.env`` and join.
"""

from __future__ import annotations

from nodules_app.embedded.errors import ServerTrouble
from nodules_app.embedded.servers import EmbeddedServers

__all__ = ["EmbeddedServers", "ServerTrouble"]
