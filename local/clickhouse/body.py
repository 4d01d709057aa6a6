"""Reads a request's body, with a Content-Length or chunked, up to a size limit."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import Message
from email.parser import BytesParser
from typing import BinaryIO

BLOCK_BYTES = 1 << 16


class BadBody(Exception):
    """The body cannot be read; `status` is the HTTP status of the response."""

    def __init__(self, status: int, text: str):
        super().__init__(text)
        self.status = status


def read(source: BinaryIO, headers: Message, limit: int) -> Iterator[bytes]:
    """Yields the body in blocks; raises `BadBody` if it is cut off, malformed or longer than `limit` bytes."""
    chunked = headers.get("Transfer-Encoding", "").strip().lower() == "chunked"
    received = 0
    for block in _read_chunked(source) if chunked else _read_with_length(source, headers):
        received += len(block)
        if received > limit:
            raise BadBody(413, f"the body is longer than {limit} bytes")
        yield block


def fields(content_type: str, content: bytes) -> dict[str, str]:
    """The fields of a `multipart/form-data` body, such as a statement and its parameters; empty for any other content type."""
    if not content_type.lower().startswith("multipart/form-data"):
        return {}
    form = BytesParser().parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + content)
    if not form.is_multipart():
        raise BadBody(400, "the form has no parts")
    names = [part.get_param("name", header="content-disposition") for part in form.get_payload()]
    return {str(name): text(part.get_payload(decode=True)) for name, part in zip(names, form.get_payload())}


def text(content: bytes) -> str:
    """Decodes a body."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise BadBody(400, "the statement is not UTF-8") from None


def _read_with_length(source: BinaryIO, headers: Message) -> Iterator[bytes]:
    length = headers.get("Content-Length", "0")
    if not (length.isascii() and length.isdigit()):
        raise BadBody(400, "Content-Length is not a number")
    yield from _read_exactly(source, int(length))


def _read_chunked(source: BinaryIO) -> Iterator[bytes]:
    while True:
        size = source.readline(64).split(b";")[0].strip()
        try:
            remaining = int(size, 16)
        except ValueError:
            raise BadBody(400, "a chunk of the body has no valid length") from None
        if remaining < 0:
            raise BadBody(400, "a chunk of the body has no valid length")
        if remaining == 0:
            break
        yield from _read_exactly(source, remaining)
        if source.readline(8).strip():
            raise BadBody(400, "a chunk of the body is longer than its length")
    while source.readline(BLOCK_BYTES).strip():  # trailers
        pass


def _read_exactly(source: BinaryIO, remaining: int) -> Iterator[bytes]:
    while remaining:
        block = source.read(min(remaining, BLOCK_BYTES))
        if not block:
            raise BadBody(400, "the body was cut off")
        remaining -= len(block)
        yield block
