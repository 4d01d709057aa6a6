"""The analytics sink, compared with only reading its stream and only inserting its rows."""

from __future__ import annotations

from ..console import print_line
from . import nats, programs
from .metrics import HOIDAP, Metric, Metrics
from .sides import Sides

DESCRIPTION = "rows/s of the analytics sink, beside reading its stream alone and inserting the same rows alone"
EVENT_COUNT = 100_000
PEERS = {"read": "reading alone", "insert": "inserting alone"}


def run(sides: Sides, rounds: int) -> list[Metric]:
    """One process measures all three in turn. The stream is on a separate server; the rows go to Hoidap's ClickHouse."""
    metrics = Metrics()
    sides.stop_peers()
    sides.hoidap.stop_fleet()
    sides.hoidap.start_servers()
    # The sync interval matters only for writes, and the measurement only reads.
    with nats.server(sides.folder / "events", "120s") as url:
        settings = {**sides.hoidap.instance.settings("analytics"), "HOIDAP_NATS__URL": url, "HOIDAP_NATS__USER": "", "HOIDAP_NATS__PASSWORD": ""}
        report = programs.hoidap_bench("analytics", "--events", EVENT_COUNT, "--rounds", rounds, settings=settings)
    print_line(f"    {EVENT_COUNT:,} events of {report['event_bytes']:,} bytes, {rounds} rounds")
    for values in zip(report["sink"], report["read"], report["insert"], strict=True):
        for side, value in zip((HOIDAP, *PEERS.values()), values, strict=True):
            metrics.add("rows/s", "1/s", side, value)
    return metrics.all()
