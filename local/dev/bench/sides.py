"""Hoidap and its peers, running side by side for the benchmarks that ask them questions."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .. import paths
from ..say import step
from . import programs, usage
from .hoidap import INDICES, Hoidap
from .python_peer import MODES, PythonPeer

SETS = ("", "second/", "unseen/")
"""Folders below indices/questions whose questions are asked."""
WARM_UP = 30
"""Questions that each side answers before it is measured, none of which is measured."""
MINUTES = 2.0
"""How long a steady load lasts."""
CALM, CALM_PATIENCE = 0.03, 30
"""Share of a core below which a side has nothing left to do, and the longest wait for that in seconds."""

Side = Hoidap | PythonPeer


class Sides:
    """What runs, and the questions for it."""

    def __init__(self, folder: Path, questions: int | None, million: bool = False, minutes: float = MINUTES):
        self.folder, self.million, self.minutes = folder, million, minutes
        self.hoidap = Hoidap()
        self.peers: dict[str, PythonPeer] = {}
        texts = [(paths.ROOT / "indices" / "questions" / name / "site-answers.jsonl").read_text(encoding="utf-8") for name in SETS]
        # One after the other from each set, so that a part of the questions is a part of each.
        mixed = [question for triple in zip(*(text.splitlines() for text in texts), strict=True) for question in triple]
        self.questions = mixed[:questions]
        self._warm_up = self.write("warm-up", (paths.ROOT / "examples" / "questions.jsonl").read_text(encoding="utf-8").splitlines()[:WARM_UP])

    def write(self, name: str, lines: Iterable[str]) -> Path:
        """A file of questions."""
        path = self.folder / f"{name}.jsonl"
        path.write_text("".join(f"{text}\n" for text in lines), encoding="utf-8")
        return path

    def file(self, count: int | None = None) -> Path:
        """A file with the first questions, or all."""
        return self.write(f"questions-{count or 'all'}", self.questions[:count])

    def start(self) -> list[Side]:
        """Starts Hoidap and both peers, and has each answer some questions."""
        self.start_hoidap()
        for mode in MODES:
            self.start_peer(mode)
        return [self.hoidap, *self.peers.values()]

    def start_hoidap(self) -> None:
        """Starts Hoidap where it does not run."""
        self.hoidap.start()
        self.warm_up(self.hoidap)

    def start_peer(self, mode: str) -> PythonPeer:
        """Starts a peer where it does not run, and has it answer some questions."""
        if mode not in self.peers:
            self.new_peer(mode)
            self.warm_up(self.peers[mode])
        return self.peers[mode]

    def new_peer(self, mode: str) -> PythonPeer:
        """Starts a peer that has answered nothing yet."""
        self.peers[mode] = PythonPeer(mode, INDICES, self.folder / mode)
        with step(f"{self.peers[mode].name}: starting"):
            self.peers[mode].start()
            wait_until_calm(self.peers[mode])
        return self.peers[mode]

    def warm_up(self, side: Side) -> None:
        """Has a side answer some questions."""
        programs.load(side.url, self._warm_up, in_flight=8)

    def forget(self, side: Side) -> None:
        """Lets a side forget all questions, and makes it warm again with others."""
        side.forget()
        self.warm_up(side)
        wait_until_calm(side)

    def peer_model(self) -> tuple[str, Path]:
        """Options of the peer's programs that name the model."""
        return "--model", paths.EMBEDDING

    def peer_data(self) -> tuple[str | Path, ...]:
        """Options of the peer's programs that name the model and the collections."""
        return "--indices", INDICES, *self.peer_model()

    def stop_peers(self) -> None:
        """Stops the peers."""
        for side in self.peers.values():
            side.stop()
        self.peers.clear()


@contextmanager
def running(folder: Path, questions: int | None, million: bool, minutes: float) -> Iterator[Sides]:
    """Sides that are stopped at the end."""
    sides = Sides(folder, questions, million, minutes)
    try:
        yield sides
    finally:
        sides.stop_peers()
        sides.hoidap.stop()


def wait_until_calm(side: Side) -> None:
    """Waits until a side's own processes have nothing left to do: workers that still load, rows that are still written."""
    deadline = time.monotonic() + CALM_PATIENCE
    while time.monotonic() < deadline:
        before, begun = side.cpu()["own"], time.monotonic()
        time.sleep(0.4)
        if side.cpu()["own"] - before < CALM * (time.monotonic() - begun) + usage.tick():
            return


def request(question: str, session: str) -> bytes:
    """The body of one question."""
    context = {"url": "https://www.diecxam.example/", "title": ""}
    return json.dumps({"message": json.loads(question)["question"], "session_id": session, "context": context}).encode()
