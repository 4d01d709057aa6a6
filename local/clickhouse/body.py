"""Reads a request's body, whole or chunked, with a limit."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import Message
from email.parser import BytesParser
from typing import BinaryIO

BLOCK = 1 << 16


class BadBody(Exception):
    """The body cannot be read; `status` is the HTTP status that says so."""

    def __init__(self, status: int, text: str):
        super().__init__(text)
        self.status = status


def read(source: BinaryIO, headers: Message, limit: int) -> Iterator[bytes]:
    """Yields the body in blocks; raises `BadBody` when it is cut off, malformed or longer than `limit` bytes."""
    chunked = headers.get("Transfer-Encoding", "").strip().lower() == "chunked"
    taken = 0
    for block in _chunks(source) if chunked else _whole(source, headers):
        taken += len(block)
        if taken > limit:
            raise BadBody(413, f"the body is longer than {limit} bytes")
        yield block


def fields(content_type: str, content: bytes) -> dict[str, str]:
    """What a `multipart/form-data` body says: a statement and its parameters; empty for any other kind of body."""
    if not content_type.lower().startswith("multipart/form-data"):
        return {}
    form = BytesParser().parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + content)
    if not form.is_multipart():
        raise BadBody(400, "the form has no parts")
    names = [part.get_param("name", header="content-disposition") for part in form.get_payload()]
    return {str(name): text(part.get_payload(decode=True)) for name, part in zip(names, form.get_payload())}


def text(content: bytes) -> str:
    """The body as text."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise BadBody(400, "the statement is not UTF-8") from None


def _whole(source: BinaryIO, headers: Message) -> Iterator[bytes]:
    length = headers.get("Content-Length", "0")
    if not (length.isascii() and length.isdigit()):
        raise BadBody(400, "Content-Length is not a number")
    yield from _exactly(source, int(length))


def _chunks(source: BinaryIO) -> Iterator[bytes]:
    while True:
        size = source.readline(64).split(b";")[0].strip()
        try:
            left = int(size, 16)
        except ValueError:
            raise BadBody(400, "a chunk of the body has no length") from None
        if left < 0:
            raise BadBody(400, "a chunk of the body has no length")
        if left == 0:
            break
        yield from _exactly(source, left)
        if source.readline(8).strip():
            raise BadBody(400, "a chunk of the body is longer than it says")
    while source.readline(BLOCK).strip():  # trailers
        pass


def _exactly(source: BinaryIO, left: int) -> Iterator[bytes]:
    while left:
        block = source.read(min(left, BLOCK))
        if not block:
            raise BadBody(400, "the body was cut off")
        left -= len(block)
        yield block
