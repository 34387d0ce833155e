"""Fifty people at one studio: a load generator in a process of its own, with plain sockets.

python -m bench.clients ADDRESS PROJECT CLIENTS SECONDS PAUSE; prints one JSON object. Each client
keeps one connection, waits a random while of PAUSE seconds on the mean between two requests, and
reads what a browser reads: pages of the list, the graph and details (asked again with their
ETags), pictures and thumbnails.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlsplit

__all__ = ["main"]

MIX = (("page", 3), ("graph", 2), ("detail", 3), ("thumbnail", 6), ("picture", 1), ("maps", 1))


@dataclass
class Seen:
    """What the clients saw."""

    milliseconds: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    statuses: Counter[int] = field(default_factory=Counter[int])
    faults: int = 0


class Client:
    """One keep-alive connection."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def get(self, path: str, etag: str = "") -> tuple[int, str, bytes]:
        """Status, ETag and body of a GET."""
        if self.writer is None or self.reader is None:
            self.reader, self.writer = await asyncio.open_connection(
                self.host, self.port, limit=2**22
            )
        asked = f"If-None-Match: {etag}\r\n" if etag else ""
        head = f"GET {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n{asked}\r\n"
        self.writer.write(head.encode())
        raw = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        status = int(raw.split(" ", 2)[1])
        fields = dict(line.split(": ", 1) for line in raw.split("\r\n")[1:] if ": " in line)
        body = b""
        if status != 304:
            body = await self.reader.readexactly(int(fields.get("content-length", "0")))
        return status, fields.get("etag", ""), body

    def close(self) -> None:
        """Hang up."""
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None


@dataclass(frozen=True)
class Visit:
    """Where all of them look, at what, until when, and how long each pauses."""

    base: str
    items: list[dict[str, str]]
    pages: list[str]
    until: float
    pause: float


async def person(client: Client, visit: Visit, seen: Seen) -> None:
    """One person's requests until the end."""
    base, items, until, pause = visit.base, visit.items, visit.until, visit.pause
    kinds = [kind for kind, times in MIX for _ in range(times)]
    etags: dict[str, str] = {}
    await asyncio.sleep(random.random() * pause)
    while time.monotonic() < until:
        kind, item = random.choice(kinds), random.choice(items)
        path = (
            base
            + {
                "page": f"/versions?limit=50&before={random.choice(visit.pages)}",
                "graph": "/graph",
                "detail": f"/versions/{item['id']}",
                "thumbnail": f"/pictures/{item['image']}/{random.choice((128, 256))}.webp",
                "picture": f"/pictures/{item['image']}",
                "maps": f"/versions/{item['id']}/maps",
            }[kind]
        )
        began = time.perf_counter()
        try:
            status, etag, _ = await client.get(path, etags.get(path, ""))
        except (OSError, asyncio.IncompleteReadError, ValueError):
            seen.faults += 1
            client.close()
            continue
        taken = (time.perf_counter() - began) * 1000
        seen.milliseconds.setdefault(kind, []).append(taken)
        seen.statuses[status] += 1
        if kind in {"graph", "detail"}:
            etags[path] = etag
        if pause:
            await asyncio.sleep(random.expovariate(1 / pause))


async def main(address: str, project: str, clients: int, seconds: float, pause: float) -> None:
    """Let them all in, and print what they saw."""
    parts = urlsplit(address)
    host, port = parts.hostname or "", parts.port or 80
    base = f"/api/v1/projects/{project}"
    first = Client(host, port)
    _, _, body = await first.get(f"{base}/graph")
    first.close()
    items = json.loads(body)["items"]
    seen = Seen()
    people = [Client(host, port) for _ in range(clients)]
    pages = [item["id"] for item in items[::-1][:501:50]]
    visit = Visit(base, items, pages, time.monotonic() + seconds, pause)
    await asyncio.gather(*(person(each, visit, seen) for each in people))
    for each in people:
        each.close()
    told = {"milliseconds": seen.milliseconds, "statuses": seen.statuses, "faults": seen.faults}
    print(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(
        main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5]))
    )
