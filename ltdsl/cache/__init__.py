"""One store for whatever is made once and used again: kernels, scripts, and later images, features, graphs and stages.

An entry is a folder of files under the SHA-256 of the facts that they were made from, with a record beside them. It is
built in a draft beside its place and renamed into it, so that nobody ever reads half of one; it is used only if it
belongs to this user or to root, nobody else can write to it, and it holds what its record says.

Why not a library: diskcache and joblib keep pickles, which run whatever a stranger wrote into them; pooch keeps
downloads of known digests, and these are made here; filelock's locks on files exclude, and what is in use needs a
shared one. The platform's folder is platformdirs' answer.
"""

from __future__ import annotations

from ltdsl.cache.entry import Entry
from ltdsl.cache.errors import CacheError
from ltdsl.cache.kinds import (
    CHART_SCRIPT,
    DECODED_IMAGES,
    FEATURES,
    KINDS,
    NATIVE_KERNELS,
    SECRET,
    STAGE_RECORDS,
    STAGE_WEIGHTS,
    Kind,
)
from ltdsl.cache.listing import Listed, Removed
from ltdsl.cache.store import Store

__all__ = [
    "CHART_SCRIPT",
    "DECODED_IMAGES",
    "FEATURES",
    "KINDS",
    "NATIVE_KERNELS",
    "SECRET",
    "STAGE_RECORDS",
    "STAGE_WEIGHTS",
    "CacheError",
    "Entry",
    "Kind",
    "Listed",
    "Removed",
    "Store",
]
