"""The stand-in for ClickHouse's image: the adapter of `./dev up`, open to the other containers, with the users of clickhouse/users.xml.

Both users have the privileges of the adapter. What users.xml grants to each is tested with the engine itself.
"""

import hmac
import os
import sys

from clickhouse import access, server

PASSWORDS = {
    "hoidap": os.environ.get("CLICKHOUSE_PASSWORD", ""),
    "hoidap_reader": os.environ.get("CLICKHOUSE_READER_PASSWORD", ""),
}


def is_authenticated(headers, _password: str) -> bool:
    """Whether a request has one of the two users and its password."""
    user, key = headers.get("X-ClickHouse-User", ""), headers.get("X-ClickHouse-Key", "")
    return bool(PASSWORDS.get(user)) and hmac.compare_digest(key, PASSWORDS[user])


class OpenAdapter(server.Adapter):
    """Listens on the containers' network too."""

    def server_bind(self):
        self.server_address = ("0.0.0.0", self.server_address[1])
        super().server_bind()


access.refusal = lambda _headers: None
access.is_authenticated = is_authenticated
server.Adapter = OpenAdapter
sys.exit(server.main())
