"""Classifies the intent of a question: that of the most similar labelled example of the site's configuration."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy

from .model import Model


class Intents:
    """The examples' names and vectors."""

    def __init__(self, configuration: Path, model: Model):
        intents = tomllib.loads(configuration.read_text(encoding="utf-8"))["intents"]
        labelled = [(intent["name"], example) for intent in intents for example in intent["examples"]]
        self.names = [name for name, _ in labelled]
        self.vectors = model.embed([example for _, example in labelled], "query")

    def classify(self, vector: numpy.ndarray) -> str:
        """The intent of a question's vector."""
        return self.names[int(numpy.argmax(self.vectors @ vector))]
