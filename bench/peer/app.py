"""The Python peer of the benchmarks: one process that does everything Hoidap's gateway and stages do for an answer.

`uvicorn peer.app:app --app-dir bench --workers N` runs it. `PEER_MODE` is `bare` (the best passages by cosine, the sentence with the most
words of the question) or `full` (late interaction and cross-attention too, as in Hoidap). docs/performance.md says what it leaves out.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import unicodedata
import uuid
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from redis.asyncio import Redis

from .answering import Answering

CACHE_SECONDS = 3_600


class Page(BaseModel):
    """The page that the visitor is on."""

    url: str = Field(max_length=2_048)
    title: str = Field(max_length=300)


class Question(BaseModel):
    """The request of Hoidap's POST /api/chat, as far as the peer reads it."""

    message: str = Field(min_length=1, max_length=1_000)
    session_id: str = Field(min_length=10, max_length=128)
    context: Page


app = FastAPI()
redis = Redis.from_url(os.environ["PEER_REDIS"])
answering = Answering(
    mode=os.environ.get("PEER_MODE", "bare"),
    model=Path(os.environ["PEER_MODEL"]),
    indices=Path(os.environ["PEER_INDICES"]),
    configuration=Path(os.environ["PEER_CONFIGURATION"]),
)


@app.get("/api/health")
async def health() -> dict[str, str]:
    """Answers once the process has loaded everything."""
    return {"status": "healthy"}


@app.post("/api/chat")
async def chat(question: Question) -> JSONResponse:
    """Answers from the cache, or from the documents. The work runs on the process's only thread: a thread pool was as fast and varied more."""
    started_at = time.perf_counter()
    key = cache_key(question)
    cached = await redis.get(key)
    if cached is None:
        answer = answering.answer(question.message)
        await redis.set(key, json.dumps(answer, ensure_ascii=False), ex=CACHE_SECONDS)
    else:
        answer = json.loads(cached)
    request_fields = {"session_id": question.session_id, "job_id": str(uuid.uuid4()), "cached": cached is not None}
    return JSONResponse({**answer, **request_fields, "processing_time": time.perf_counter() - started_at})


def cache_key(question: Question) -> str:
    """The cache key of a question on a page."""
    words = " ".join(unicodedata.normalize("NFC", question.message).lower().split())
    page = question.context.url.partition("?")[0].partition("#")[0]
    return "peer:" + hashlib.sha256(f"{words}\n{page}".encode()).hexdigest()
