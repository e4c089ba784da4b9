"""Names that were not found: what they are near to, and how near."""

from __future__ import annotations

from collections.abc import Iterable

from ltdsl.catalogue.glossary import look_up


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name closest to a misspelt one.

    Returns:
        The name, or None where nothing is close, or where the field knows the word: it is then not misspelt, and what
        is near to it may be another method.
    """
    import difflib  # only for those who misspell

    if look_up(name) is not None:
        return None
    folded = name.lower().replace("-", "_")
    matches = difflib.get_close_matches(folded, list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None


def one_slip(a: str, b: str) -> bool:
    """Whether texts differ by one letter that is missing, too many, another, or swapped with its neighbour."""
    if len(a) > len(b):
        a, b = b, a
    if a == b or len(b) - len(a) > 1:
        return False
    first = next(
        (i for i, pair in enumerate(zip(a, b, strict=False)) if pair[0] != pair[1]), len(a)
    )
    rest_a, rest_b = a[first:], b[first:]
    if len(a) < len(b):
        return rest_a == rest_b[1:]
    swapped = rest_a[:2] == rest_b[1::-1] and rest_a[2:] == rest_b[2:]
    return swapped or rest_a[1:] == rest_b[1:]
