"""The analytics sink, beside reading its stream alone and inserting its rows alone."""

from __future__ import annotations

from ..say import line
from . import nats, programs
from .figures import HOIDAP, Figure, Figures
from .sides import Sides

ABOUT = "rows/s of the analytics sink, beside reading its stream alone and inserting the same rows alone"
EVENTS = 100_000
PEERS = {"read": "reading alone", "insert": "inserting alone"}


def run(sides: Sides, rounds: int) -> list[Figure]:
    """One process measures all three in turn. The stream is on a server of its own; the rows go to Hoidap's ClickHouse."""
    figures = Figures()
    sides.stop_peers()
    sides.hoidap.stop_fleet()
    sides.hoidap.start_servers()
    # How often a server syncs matters to those who write to it. Here it is only read.
    with nats.server(sides.folder / "events", "120s") as url:
        settings = {**sides.hoidap.instance.settings("analytics"), "HOIDAP_NATS__URL": url, "HOIDAP_NATS__USER": "", "HOIDAP_NATS__PASSWORD": ""}
        report = programs.hoidap_bench("analytics", "--events", EVENTS, "--rounds", rounds, settings=settings)
    line(f"    {EVENTS:,} events of {report['event_bytes']:,} bytes, {rounds} rounds")
    for values in zip(report["sink"], report["read"], report["insert"], strict=True):
        for side, value in zip((HOIDAP, *PEERS.values()), values, strict=True):
            figures.add("rows/s", "1/s", side, value)
    return figures.all()
