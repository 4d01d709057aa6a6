"""The fingerprint of the embedding model's converter: with another one, the model is converted again. Needs no package, so that ./dev can
import it."""

from __future__ import annotations

import hashlib
from pathlib import Path

FOLDER = Path(__file__).parent


def fingerprint() -> str:
    """SHA-256 over the sources of the converter and the learnt weights, in hexadecimal."""
    digest = hashlib.sha256()
    for path in [*sorted(FOLDER.glob("*.py")), *sorted(FOLDER.glob("*.npz"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()
