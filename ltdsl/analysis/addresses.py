"""Which address of ``--set`` a single word means: `lr` is `optimizer.lr`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from ltdsl.catalogue import INDEXES, TRICKS
from ltdsl.catalogue.fields import fields_of
from ltdsl.catalogue.glossary import look_up
from ltdsl.recipe import Overrides, Settings


@cache
def settings_with(parameter: str) -> Mapping[str, tuple[str, ...]]:
    """Every setting that can be a call with a parameter of this name, and what can be called so."""
    found: dict[str, tuple[str, ...]] = {}
    for setting, field in fields_of(Settings).items():
        index = INDEXES[field.base] if field.base and not field.many else {}
        entries = tuple(name for name, entry in index.items() if parameter in fields_of(entry))
        if entries:
            found[setting] = entries
    return found


def address_of(word: str) -> str | None:
    """The address of a setting, or of a part of one, that a word means; None where it means none, or several."""
    known = look_up(word)
    if known is not None:
        return known.address or (known.name if known.name in Settings.model_fields else None)
    if word in Settings.model_fields:
        return word
    settings = settings_with(word)
    return f"{next(iter(settings))}.{word}" if len(settings) == 1 else None


def addresses() -> dict[str, str]:
    """Every address of a setting, and of a part that a setting can have, with a few words about it."""
    found = {}
    for setting, field in fields_of(Settings).items():
        found[setting] = field.info.description or ""
        index = INDEXES[field.base] if field.base and not field.many else {}
        for entry in index.values():
            for name, part in fields_of(entry).items():
                found.setdefault(f"{setting}.{name}", part.info.description or "")
    return found


def values_of(setting: str) -> dict[str, str]:
    """What a setting can call, or choose from; nothing for other settings."""
    field = fields_of(Settings).get(setting)
    if field is None or field.many:
        return {}
    if field.base:
        return {name: entry.summary() for name, entry in INDEXES[field.base].items()}
    return dict.fromkeys(field.choices, field.info.description or "")


def addresses_in(word: str, stages: Iterable[tuple[str, Iterable[str]]]) -> list[str]:
    """The addresses in stages that a word means: a stage's own setting, or a parameter of one of its tricks.

    Args:
        word: What was written.
        stages: Names of stages, each with those of its tricks.
    """
    found = []
    address = address_of(word) or ""
    for stage, tricks in stages:
        if address.split(".")[0] in Overrides.model_fields:
            found.append(f"{stage}.{address}")
        found += [
            f"{stage}.{trick}.{word}"
            for trick in tricks
            if trick in TRICKS and word in fields_of(TRICKS[trick])
        ]
    return found


def instead(word: str, value: str) -> str:
    """What to give on the command line in place of an option that is a recipe's value; empty where nothing is known."""
    address, known = address_of(word), look_up(word)
    if address is not None:
        return f"write --set {address}={value}"
    if known is None:
        return ""
    return f"use {known.option}" if known.option else f"{known.what}: {known.answer}"


def as_part(address: str, value: str, called: Mapping[str, str]) -> str:
    """A setting written with one argument, as `optimizer = sgd(lr = 0.1)`; empty for an address of no part.

    Args:
        address: Such as ``optimizer.lr``.
        value: The argument's value, as it was written.
        called: What each setting calls.
    """
    setting, _, parameter = address.partition(".")
    entries = settings_with(parameter).get(setting, ()) if parameter else ()
    if not entries:
        return ""
    name = called.get(setting, "")
    return f"{setting} = {name if name in entries else entries[0]}({parameter} = {value})"
