from collections.abc import Callable
from typing import Any, ClassVar, TypeAlias

from pygments.token import _Token

_Rule: TypeAlias = tuple[str, _Token | Callable[..., Any]] | tuple[str, _Token, str]

class RegexLexer:
    name: ClassVar[str]
    aliases: ClassVar[list[str]]
    filenames: ClassVar[list[str]]
    mimetypes: ClassVar[list[str]]
    tokens: ClassVar[dict[str, list[_Rule]]]

def bygroups(*args: _Token) -> Callable[..., Any]: ...
