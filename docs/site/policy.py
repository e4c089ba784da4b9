"""What the playground's page may load and run: its own files, and the scripts that the theme wrote into it."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

#: The theme sets styles in the page; its style sheets hold pictures as `data:`.
_REST = (
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
)
_SCRIPT = re.compile(r"<script\b([^>]*)>(.*?)</script>", re.DOTALL)
_CHARSET = re.compile(r"<meta charset=[^>]*>")


def lock(path: Path) -> None:
    """Write a Content Security Policy into a page, before all that it loads.

    The scripts that stand in it are allowed by their digests, so that none that comes in otherwise runs.
    """
    text = path.read_text(encoding="utf-8")
    inline = [
        body
        for attributes, body in _SCRIPT.findall(text)
        if "src=" not in attributes and "application/json" not in attributes
    ]
    rules = "; ".join(
        [
            "default-src 'self'",
            " ".join(["script-src 'self'", *dict.fromkeys(map(_digest, inline))]),
            *_REST,
        ]
    )
    meta = f'<meta http-equiv="Content-Security-Policy" content="{rules}">'
    text, count = _CHARSET.subn(lambda found: f"{found[0]}\n    {meta}", text, count=1)
    if not count:
        raise ValueError(f"{path}: no <meta charset> to put the policy after")
    path.write_text(text, encoding="utf-8")


def _digest(script: str) -> str:
    found = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"'sha256-{found}'"
