"""The results of a benchmark: the values of each round for Hoidap and its peers, their medians, and the table."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

HOIDAP = "Hoidap"
"""The side that the peers are compared with."""


@dataclass
class Metric:
    """One measured quantity. Each side has one value per round; a side without values was not measured."""

    name: str
    unit: str
    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, side: str, value: float) -> None:
        """Adds the value of one round."""
        self.values.setdefault(side, []).append(value)

    def as_json(self) -> dict:
        """For the file: each side's values with their summary, and Hoidap's median divided by that of each peer."""
        sides = {side: {**Summary.of(values).as_json(), "values": values} for side, values in self.values.items() if values}
        return {"name": self.name, "unit": self.unit, "sides": sides, "ratios": self.ratios()}

    def ratios(self) -> dict[str, float]:
        """Hoidap's median divided by the median of each peer."""
        hoidap_values = self.values.get(HOIDAP)
        peers = {side: statistics.median(values) for side, values in self.values.items() if side != HOIDAP and values}
        return {side: statistics.median(hoidap_values) / median for side, median in peers.items() if hoidap_values and median}


@dataclass(frozen=True)
class Summary:
    """The median, the minimum and the maximum of some values."""

    median: float
    minimum: float
    maximum: float

    @classmethod
    def of(cls, values: list[float]) -> Summary:
        """The summary of at least one value."""
        return cls(statistics.median(values), min(values), max(values))

    def as_json(self) -> dict[str, float]:
        """For the file."""
        return {"median": self.median, "least": self.minimum, "most": self.maximum}

    def __str__(self) -> str:
        return f"{format_number(self.median)} ({format_number(self.minimum)}–{format_number(self.maximum)})"


class Metrics:
    """The metrics of one benchmark, in the order in which they were first added."""

    def __init__(self):
        self._metrics: dict[str, Metric] = {}

    def add(self, name: str, unit: str, side: str, value: float) -> None:
        """Adds the value of one round."""
        self._metrics.setdefault(name, Metric(name, unit)).add(side, value)

    def all(self) -> list[Metric]:
        """All metrics."""
        return list(self._metrics.values())


def format_number(value: float) -> str:
    """A number with about three significant digits: `0.012`, `4.57`, `1,230`."""
    if value == 0:
        return "0"
    magnitude = abs(value)
    if magnitude >= 100:
        return f"{value:,.0f}"
    return f"{value:.{1 if magnitude >= 10 else 2 if magnitude >= 1 else 3}f}"


def table(metrics: list[Metric]) -> list[str]:
    """The lines of a table: for each metric a row per peer, with Hoidap's values in the first row."""
    rows = [["metric", "Hoidap", "peer", "peer's", "Hoidap / peer"]]
    for metric in metrics:
        hoidap_values = metric.values.get(HOIDAP)
        name, hoidap_summary = f"{metric.name}, {metric.unit}", str(Summary.of(hoidap_values)) if hoidap_values else "–"
        ratios = metric.ratios()
        for side, values in {side: values for side, values in metric.values.items() if side != HOIDAP}.items() or [("", [])]:
            ratio = format_number(ratios[side]) if side in ratios else ""
            rows.append([name, hoidap_summary, side, str(Summary.of(values)) if values else "", ratio])
            name = hoidap_summary = ""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
