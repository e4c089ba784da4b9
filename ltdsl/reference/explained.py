"""Whatever `ltdsl explain` is asked: names, settings, parameters, kinds, values, codes, concepts, the field's words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from ltdsl.catalogue import INDEXES, Entry, Trick
from ltdsl.catalogue.fields import fields_of
from ltdsl.catalogue.glossary import GLOSSARY, Word, look_up
from ltdsl.codes.table import CODES
from ltdsl.recipe import DEFAULT_TRICKS, Overrides, Settings
from ltdsl.reference.cards import SECTIONS, card, code_card, compared, parameters, published
from ltdsl.reference.concepts import CONCEPTS

_HOLDERS: tuple[type[Entry], ...] = (Settings, Overrides)


def explained(name: str) -> str:
    """What is known under a name, as Markdown; empty where nothing is."""
    name, address = _asked(name)
    code, entry = name.upper(), entries().get(name)
    if code in CODES:
        parts = [code_card(code, CODES[code]), compared(code)]
    elif entry is not None:
        parts = [card(entry), published(name), *_parameter(name)]
    else:
        word = name.lower().replace("-", "_").replace(" ", "_")
        parts = _declared(word) or _declared(word.removesuffix("s"))
        of_the_field = look_up(name)
        if not parts and of_the_field is not None:
            parts = [word_card(name, of_the_field)]
    if address and _declared(name):
        parts.append(f"On the command line: `--set {address}=…`.")
    return "\n\n".join(filter(None, parts))


def _asked(text: str) -> tuple[str, str]:
    """The name that is asked about, where it is written as in a recipe, and its address in one: `@160`, `epochs:`."""
    name = text.strip().rstrip(":= ").strip()
    if name.startswith("@"):
        return "at", ""
    if name.startswith(("#", "//")):
        return "comment", ""
    first, _, last = name.rpartition(".")
    return (last, name) if first in fields_of(Settings) else (name or text, "")


def known() -> dict[str, str]:
    """Every name that is explained, with a few words about it."""
    found = {word: row.what for word, row in GLOSSARY.items()}
    found |= {word: text.split(". ")[0] for word, text in CONCEPTS.items()}
    found |= {kind: f"a kind of name: {base.summary()}" for kind, base in kinds().items()}
    for owner in (*entries().values(), *reversed(_HOLDERS)):
        for name, field in fields_of(owner).items():
            found[name] = field.info.description or ""
    found |= {name: entry.summary() for name, entry in entries().items()}
    return found | {name: code.title for name, code in CODES.items()}


def entries() -> Mapping[str, type[Entry]]:
    """Everything that a recipe can call: read anew, as entries can be added."""
    return {name: entry for index in SECTIONS.values() for name, entry in index.items()}


@cache
def kinds() -> Mapping[str, type[Entry]]:
    """Everything that can be called has a kind."""
    return {base.kind: base for base in INDEXES if base is Trick or "kind" in base.__dict__}


def word_card(name: str, word: Word) -> str:
    """A word of the field that is no name here."""
    return f"### `{name}`\n\nNo name here: {word.what}. {word.answer[:1].upper()}{word.answer[1:]}."


def _declared(word: str) -> list[str]:
    """Everything that a word is here, from the settings on."""
    parts = (_setting, _concept, _kind, _parameter, _value)
    return [text for part in parts for text in part(word)]


def _setting(name: str) -> Iterator[str]:
    for owner, where in ((Settings, "A setting"), (Overrides, "In a stage's braces")):
        if name in fields_of(owner):
            field = f"{where}.\n\n{parameters(owner, only=name)}"
            address = name if owner is Settings else f"stage2.{name}"
            yield f"### `{name}`\n\n{field}\n\nOn the command line: `--set {address}=…`."


def _kind(name: str) -> Iterator[str]:
    base = kinds().get(name)
    if base is not None:
        listed = ", ".join(f"`{known}`" for known in INDEXES[base])
        default = DEFAULT_TRICKS.get(name)
        left_out = f"\n\nA stage that names none has `{default.name}`." if default else ""
        yield f"### {name}\n\n{base.summary()}\n\n{listed}{left_out}"


def _parameter(name: str) -> Iterator[str]:
    owners = [entry for entry in entries().values() if name in fields_of(entry)]
    alike: dict[str, list[str]] = {}
    for owner in owners:
        alike.setdefault(parameters(owner, only=name), []).append(f"`{owner.name}`")
    for table, names in alike.items():
        yield f"### `{name}`\n\nA parameter of {', '.join(names)}.\n\n{table}"


def _value(name: str) -> Iterator[str]:
    owners: dict[tuple[str, str | None], list[str]] = {}
    for owner in (*_HOLDERS, *entries().values()):
        for key, field in fields_of(owner).items():
            if name in field.choices:
                of = [] if owner in _HOLDERS else [f"`{owner.name}`"]
                owners.setdefault((key, field.info.description), []).extend(of)
    for (key, meaning), names in owners.items():
        of_these = f" of {', '.join(names)}" if names else ""
        yield f"### `{name}`\n\nA value of `{key}`{of_these}: {meaning}"


def _concept(name: str) -> Iterator[str]:
    if name in CONCEPTS:
        yield f"### {name}\n\n{CONCEPTS[name]}"
