"""The sides of a benchmark: Hoidap and its peers, and the questions that both are asked."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .. import paths
from ..console import step
from . import programs, usage
from .hoidap import INDICES, Hoidap
from .python_peer import MODES, PythonPeer

QUESTION_FOLDERS = ("", "second/", "unseen/")
"""Folders below indices/questions with the questions."""
WARM_UP_QUESTIONS = 30
"""Number of questions that each side answers before a measurement. They are not measured."""
DEFAULT_MINUTES = 2.0
"""Default duration of the steady load of `growth`."""
IDLE_CPU_SHARE, IDLE_TIMEOUT = 0.03, 30
"""The share of a core below which a side counts as idle, and the maximum wait for that in seconds."""

Side = Hoidap | PythonPeer


class Sides:
    """The running sides, and the questions for them."""

    def __init__(self, folder: Path, questions: int | None, million: bool = False, minutes: float = DEFAULT_MINUTES):
        self.folder, self.million, self.minutes = folder, million, minutes
        self.hoidap = Hoidap()
        self.peers: dict[str, PythonPeer] = {}
        sets = [_lines(paths.ROOT / "indices" / "questions" / name / "site-answers.jsonl") for name in QUESTION_FOLDERS]
        # The sets are interleaved, so that the first N questions come from all sets.
        interleaved = [question for group in zip(*sets, strict=True) for question in group]
        self.questions = interleaved[:questions]
        self._warm_up_file = self.write("warm-up", _lines(paths.ROOT / "examples" / "questions.jsonl")[:WARM_UP_QUESTIONS])

    def write(self, name: str, lines: Iterable[str]) -> Path:
        """Writes a file of questions."""
        path = self.folder / f"{name}.jsonl"
        path.write_text("".join(f"{text}\n" for text in lines), encoding="utf-8")
        return path

    def question_file(self, count: int | None = None) -> Path:
        """Writes a file with the first `count` questions, or all."""
        return self.write(f"questions-{count or 'all'}", self.questions[:count])

    def start(self) -> list[Side]:
        """Starts and warms up Hoidap and both peers."""
        self.start_hoidap()
        for mode in MODES:
            self.start_peer(mode)
        return [self.hoidap, *self.peers.values()]

    def start_hoidap(self) -> None:
        """Starts Hoidap if it does not run, and warms it up."""
        self.hoidap.start()
        self.warm_up(self.hoidap)

    def start_peer(self, mode: str) -> PythonPeer:
        """Starts a peer and warms it up, if it does not run."""
        if mode not in self.peers:
            self.new_peer(mode)
            self.warm_up(self.peers[mode])
        return self.peers[mode]

    def new_peer(self, mode: str) -> PythonPeer:
        """Starts a peer without warming it up."""
        self.peers[mode] = PythonPeer(mode, INDICES, self.folder / mode)
        with step(f"{self.peers[mode].name}: starting"):
            self.peers[mode].start()
            wait_until_idle(self.peers[mode])
        return self.peers[mode]

    def warm_up(self, side: Side) -> None:
        """Lets a side answer some questions that are not measured."""
        programs.load(side.url, self._warm_up_file, in_flight=8)

    def clear_caches(self, side: Side) -> None:
        """Empties a side's caches, and warms it up again with other questions."""
        side.clear_caches()
        self.warm_up(side)
        wait_until_idle(side)

    def peer_model(self) -> tuple[str, Path]:
        """The model option of the peer's programs."""
        return "--model", paths.EMBEDDING_MODEL

    def peer_data(self) -> tuple[str | Path, ...]:
        """The model and collection options of the peer's programs."""
        return "--indices", INDICES, *self.peer_model()

    def stop_peers(self) -> None:
        """Stops the peers."""
        for side in self.peers.values():
            side.stop()
        self.peers.clear()


@contextmanager
def running(folder: Path, questions: int | None, million: bool, minutes: float) -> Iterator[Sides]:
    """Yields sides that are stopped at the end."""
    sides = Sides(folder, questions, million, minutes)
    try:
        yield sides
    finally:
        sides.stop_peers()
        sides.hoidap.stop()


def wait_until_idle(side: Side) -> None:
    """Waits until a side's own processes are idle: workers may still load, and rows may still be written."""
    deadline = time.monotonic() + IDLE_TIMEOUT
    while time.monotonic() < deadline:
        cpu_before, started_at = side.cpu_seconds()["own"], time.monotonic()
        time.sleep(0.4)
        if side.cpu_seconds()["own"] - cpu_before < IDLE_CPU_SHARE * (time.monotonic() - started_at) + usage.tick():
            return


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def request(question: str, session: str) -> bytes:
    """The request body of one question."""
    context = {"url": "https://www.diecxam.example/", "title": ""}
    return json.dumps({"message": json.loads(question)["question"], "session_id": session, "context": context}).encode()
