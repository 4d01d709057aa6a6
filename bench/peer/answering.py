"""Answers a question with its sources, in one process."""

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
"""Passages that may answer, and chunks that late interaction ranks (Hoidap's `retriever.depth` and `retriever.candidates`)."""
LATE_WEIGHT = 1.25
"""Weight of late interaction relative to the cosine (indices/src/library/rerank.rs)."""
WORD = re.compile(r"\w+")


class Answering:
    """The model and the collections, loaded once per process."""

    def __init__(self, mode: str, model: Path, indices: Path, configuration: Path):
        if mode not in ("bare", "full"):
            raise SystemExit(f"PEER_MODE={mode} is neither `bare` nor `full`")
        faiss.omp_set_num_threads(1)
        self.model = Model(model)
        self.chunks, embeddings, token_vectors = load(indices)
        self.index = faiss.IndexFlatIP(embeddings.shape[1])
        self.index.add(embeddings)
        self.token_vectors = TokenVectors(token_vectors) if mode == "full" else None
        self.cross = CrossAttention(model) if mode == "full" else None
        self.intents = Intents(configuration, self.model)
        self.idf = _inverse_document_frequency(self.chunks)

    def answer(self, question: str) -> dict:
        """The answer, without the fields of the request."""
        if self.token_vectors is None:
            vector = self.model.embed([question], "query")[0]
            passages = self._nearest_chunks(vector, DEPTH)
            index, (start, end), confidence = self._best_sentence_by_words(question, passages)
        else:
            vector, question_tokens = self.model.embed_question(question)
            passages = self._rerank(question_tokens, self._nearest_chunks(vector, CANDIDATES))
            index, (start, end), confidence = self._best_sentence_by_cross_attention(question_tokens, passages)
        chunk, score = self.chunks[index], dict(passages)[index]
        text = chunk.text[start:end]
        return {
            "response": f"{text} [1]",
            "sources": [_source(chunk, score)],
            "confidence": confidence,
            "intent": self.intents.classify(vector),
            "target_product": chunk.product,
            "outcome": "answered",
            "language": chunk.locale,
            "citations": [{"n": 1, "answer_start": 0, "answer_end": len(text), "support": 1.0}],
            "choices": [],
        }

    def _nearest_chunks(self, vector: numpy.ndarray, count: int) -> list[tuple[int, float]]:
        scores, indices = self.index.search(vector[None], min(count, len(self.chunks)))
        return list(zip(indices[0].tolist(), scores[0].tolist(), strict=True))

    def _rerank(self, question_tokens: numpy.ndarray, candidates: list[tuple[int, float]]) -> list[tuple[int, float]]:
        chunks = [chunk for chunk, _ in candidates]
        late_scores = self.token_vectors.late_interaction(question_tokens, chunks)
        scores = numpy.array([score for _, score in candidates]) + LATE_WEIGHT * late_scores
        best = numpy.argsort(-scores)[:DEPTH]
        return [(chunks[i], float(scores[i])) for i in best]

    def _best_sentence_by_words(self, question: str, passages: list[tuple[int, float]]) -> tuple[int, tuple[int, int], float]:
        """The sentence whose words in common with the question weigh most; the first sentence if there are none."""
        question_words = {word: self.idf.get(word, 0.0) for word in _words(question)}
        index, cosine = passages[0]
        best_weight, answer = 0.0, (index, self.chunks[index].sentences[0][:2])
        for index, _ in passages:
            chunk = self.chunks[index]
            for start, end, *_ in chunk.sentences:
                weight = sum(question_words.get(word, 0.0) for word in set(_words(chunk.text[start:end])))
                if weight > best_weight:
                    best_weight, answer = weight, (index, (start, end))
        return *answer, cosine

    def _best_sentence_by_cross_attention(
        self, question_tokens: numpy.ndarray, passages: list[tuple[int, float]]
    ) -> tuple[int, tuple[int, int], float]:
        """The sentence with the highest log odds that it answers."""
        scored_sentences = []
        for index, _ in passages:
            sentences = self.chunks[index].sentences
            log_odds = self.cross.log_odds(question_tokens, self.token_vectors.of_chunk(index), [tuple(sentence[2:]) for sentence in sentences])
            scored_sentences += [(score, index, sentence[:2]) for score, sentence in zip(log_odds, sentences, strict=True)]
        best, index, sentence = max(scored_sentences)
        return index, sentence, 1 / (1 + math.exp(-best))


def _source(chunk: Chunk, score: float) -> dict:
    document_fields = {"url": chunk.url, "title": chunk.title, "heading_path": chunk.headings, "chunk_id": chunk.id}
    collection_fields = {"source": chunk.source, "locale": chunk.locale, "product": chunk.product, "section": chunk.section}
    return {"content": chunk.text, "collection": chunk.collection, "score": score, "metadata": document_fields | collection_fields}


def _words(text: str) -> list[str]:
    return WORD.findall(text.lower())


def _inverse_document_frequency(chunks: list[Chunk]) -> dict[str, float]:
    """The inverse document frequency of each word, over chunks."""
    counts = Counter(word for chunk in chunks for word in set(_words(chunk.text)))
    return {word: math.log(len(chunks) / count) for word, count in counts.items()}
