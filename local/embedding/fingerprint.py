"""What the embedding model is made by: another converter, or something else that was learnt, makes another model. Needs no package, so that ./dev can ask."""

from __future__ import annotations

import hashlib
from pathlib import Path

HERE = Path(__file__).parent


def fingerprint() -> str:
    """SHA-256 over the sources of the converter and over what was learnt, in hexadecimal."""
    digest = hashlib.sha256()
    for path in [*sorted(HERE.glob("*.py")), *sorted(HERE.glob("*.npz"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()
