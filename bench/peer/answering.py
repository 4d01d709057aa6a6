"""From a question to an answer with its sources, in one process."""

from __future__ import annotations

import math
import re
from collections import Counter
from pathlib import Path

import faiss
import numpy

from .chunks import Chunk, load
from .intents import Intents
from .late import CrossAttention, TokenVectors
from .model import Model

DEPTH, CANDIDATES = 5, 100
"""Passages that may answer, and chunks that late interaction orders (Hoidap's `retriever.depth` and `retriever.candidates`)."""
LATE_WEIGHT = 1.25
"""Of late interaction, beside the cosine (indices/src/library/rerank.rs)."""
WORD = re.compile(r"\w+")


class Answering:
    """Everything that an answer needs, loaded once a process."""

    def __init__(self, mode: str, model: Path, indices: Path, configuration: Path):
        if mode not in ("bare", "full"):
            raise SystemExit(f"PEER_MODE={mode} is neither `bare` nor `full`")
        faiss.omp_set_num_threads(1)
        self.model = Model(model)
        self.chunks, embeddings, tokens = load(indices)
        self.index = faiss.IndexFlatIP(embeddings.shape[1])
        self.index.add(embeddings)
        self.tokens = TokenVectors(tokens) if mode == "full" else None
        self.cross = CrossAttention(model) if mode == "full" else None
        self.intents = Intents(configuration, self.model)
        self.weights = _word_weights(self.chunks)

    def answer(self, question: str) -> dict:
        """The answer, without what belongs to the request."""
        if self.tokens is None:
            vector = self.model.embed([question], "query")[0]
            found = self._nearest(vector, DEPTH)
            place, (start, end), confidence = self._by_words(question, found)
        else:
            vector, asked = self.model.question(question)
            found = self._reordered(asked, self._nearest(vector, CANDIDATES))
            place, (start, end), confidence = self._by_cross_attention(asked, found)
        chunk, score = self.chunks[place], dict(found)[place]
        text = chunk.text[start:end]
        return {
            "response": f"{text} [1]",
            "sources": [_source(chunk, score)],
            "confidence": confidence,
            "intent": self.intents.of(vector),
            "target_product": chunk.product,
            "outcome": "answered",
            "language": chunk.locale,
            "citations": [{"n": 1, "answer_start": 0, "answer_end": len(text), "support": 1.0}],
            "choices": [],
        }

    def _nearest(self, vector: numpy.ndarray, count: int) -> list[tuple[int, float]]:
        scores, places = self.index.search(vector[None], min(count, len(self.chunks)))
        return list(zip(places[0].tolist(), scores[0].tolist(), strict=True))

    def _reordered(self, asked: numpy.ndarray, candidates: list[tuple[int, float]]) -> list[tuple[int, float]]:
        places = [place for place, _ in candidates]
        late = self.tokens.late(asked, places)
        scores = numpy.array([score for _, score in candidates]) + LATE_WEIGHT * late
        best = numpy.argsort(-scores)[:DEPTH]
        return [(places[i], float(scores[i])) for i in best]

    def _by_words(self, question: str, found: list[tuple[int, float]]) -> tuple[int, tuple[int, int], float]:
        """The sentence with the most weight of words that the question has too; where none has any, the first."""
        asked = {word: self.weights.get(word, 0.0) for word in _words(question)}
        place, cosine = found[0]
        best, chosen = 0.0, (place, self.chunks[place].sentences[0][:2])
        for place, _ in found:
            chunk = self.chunks[place]
            for start, end, *_ in chunk.sentences:
                weight = sum(asked.get(word, 0.0) for word in set(_words(chunk.text[start:end])))
                if weight > best:
                    best, chosen = weight, (place, (start, end))
        return *chosen, cosine

    def _by_cross_attention(self, asked: numpy.ndarray, found: list[tuple[int, float]]) -> tuple[int, tuple[int, int], float]:
        """The sentence that most likely answers."""
        odds = []
        for place, _ in found:
            sentences = self.chunks[place].sentences
            scored = self.cross.log_odds(asked, self.tokens.of(place), [tuple(item[2:]) for item in sentences])
            odds += [(score, place, item[:2]) for score, item in zip(scored, sentences, strict=True)]
        best, place, sentence = max(odds)
        return place, sentence, 1 / (1 + math.exp(-best))


def _source(chunk: Chunk, score: float) -> dict:
    about = {"url": chunk.url, "title": chunk.title, "heading_path": chunk.headings, "chunk_id": chunk.id}
    place = {"source": chunk.source, "locale": chunk.locale, "product": chunk.product, "section": chunk.section}
    return {"content": chunk.text, "collection": chunk.collection, "score": score, "metadata": about | place}


def _words(text: str) -> list[str]:
    return WORD.findall(text.lower())


def _word_weights(chunks: list[Chunk]) -> dict[str, float]:
    """How rare each word is among the chunks."""
    counts = Counter(word for chunk in chunks for word in set(_words(chunk.text)))
    return {word: math.log(len(chunks) / count) for word, count in counts.items()}
