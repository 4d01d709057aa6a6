"""What a benchmark measured: the values of each round for Hoidap and its peers, their medians, and the table."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

HOIDAP = "Hoidap"
"""The side that every other one is compared with."""


@dataclass
class Figure:
    """One quantity. Every side has one value from each round; a side without values has not been measured."""

    name: str
    unit: str
    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, side: str, value: float) -> None:
        """Takes in the value of one round."""
        self.values.setdefault(side, []).append(value)

    def as_json(self) -> dict:
        """For the file: each side's values with their summary, and Hoidap's median by that of each peer."""
        sides = {side: {**vars(Summary.of(values)), "values": values} for side, values in self.values.items() if values}
        return {"name": self.name, "unit": self.unit, "sides": sides, "ratios": self.ratios()}

    def ratios(self) -> dict[str, float]:
        """Hoidap's median by the median of each peer."""
        own = self.values.get(HOIDAP)
        peers = {side: statistics.median(values) for side, values in self.values.items() if side != HOIDAP and values}
        return {side: statistics.median(own) / median for side, median in peers.items() if own and median}


@dataclass(frozen=True)
class Summary:
    """The middle and the ends of some values."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: list[float]) -> Summary:
        """Of at least one value."""
        return cls(statistics.median(values), min(values), max(values))

    def __str__(self) -> str:
        return f"{number(self.median)} ({number(self.least)}–{number(self.most)})"


class Figures:
    """The figures of one benchmark, in the order in which they were named first."""

    def __init__(self):
        self._known: dict[str, Figure] = {}

    def add(self, name: str, unit: str, side: str, value: float) -> None:
        """Takes in the value of one round."""
        self._known.setdefault(name, Figure(name, unit)).add(side, value)

    def all(self) -> list[Figure]:
        """Every figure."""
        return list(self._known.values())


def number(value: float) -> str:
    """Three digits that count, as people read them: `0.0123`, `4.57`, `1,230`."""
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.{1 if size >= 10 else 2 if size >= 1 else 3}f}"


def table(figures: list[Figure]) -> list[str]:
    """The lines of a table: for each figure a row for each peer, Hoidap's values in the first of them."""
    rows = [["figure", "Hoidap", "peer", "peer's", "Hoidap / peer"]]
    for figure in figures:
        own = figure.values.get(HOIDAP)
        name, told = f"{figure.name}, {figure.unit}", str(Summary.of(own)) if own else "–"
        ratios = figure.ratios()
        for side, values in {side: values for side, values in figure.values.items() if side != HOIDAP}.items() or [("", [])]:
            ratio = number(ratios[side]) if side in ratios else ""
            rows.append([name, told, side, str(Summary.of(values)) if values else "", ratio])
            name = told = ""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
