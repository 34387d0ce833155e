"""The network, in one place: a guarded HTTP client for services, and ``fetch`` for references.

Everything that leaves this machine goes through here: bounded in time and bytes, cancellable,
repeated only where that is safe, within a rate that all workers of the machine share, and never
to an address that a stranger's link should not reach.
"""

import logging

from maquette.net.addresses import Policy
from maquette.net.answers import Answer, Event
from maquette.net.caller import Caller
from maquette.net.fetching import Fetched, fetch
from maquette.net.keys import find_key
from maquette.net.rates import Rate

__all__ = ["Answer", "Caller", "Event", "Fetched", "Policy", "Rate", "fetch", "find_key"]

# These loggers tell headers, keys among them, to whoever listens at DEBUG.
for _name in ("httpcore2", "httpx2"):
    logging.getLogger(_name).setLevel(logging.WARNING)
