"""Colours of recipes for Pygments, and so for rich and Sphinx: `rich.syntax.Syntax(text, "ltdsl")`."""

from __future__ import annotations

from typing import ClassVar

from pygments.lexer import RegexLexer, bygroups
from pygments.token import (
    Comment,
    Error,
    Keyword,
    Name,
    Number,
    Operator,
    Punctuation,
    String,
    Whitespace,
)

_NAME = r"[^\W\d][\w-]*"
_SPACE = r"[ \t\r]*"


class RecipeLexer(RegexLexer):
    """Recipes of ltdsl."""

    name = "ltdsl recipe"
    aliases: ClassVar = ["ltdsl"]
    filenames: ClassVar = ["*.lt"]
    mimetypes: ClassVar = ["text/x-ltdsl"]

    tokens: ClassVar = {
        "root": [
            (r"\s+", Whitespace),
            (r"#[^\n]*", Comment.Single),
            (rf'(use)({_SPACE})(?=")', bygroups(Keyword.Namespace, Whitespace)),
            (r'"', String, "string"),
            (rf"(@)({_SPACE})({_NAME})", bygroups(Operator, Whitespace, Keyword)),
            (rf"([:+])(\s*)({_NAME})", bygroups(Operator, Whitespace, Name.Function)),
            (rf"{_NAME}(?={_SPACE}:)", Name.Label),
            (rf"{_NAME}(?={_SPACE}=)", Name.Attribute),
            (rf"{_NAME}(?={_SPACE}\()", Name.Function),
            (r"(?:true|false)(?![\w-])", Keyword.Constant),
            (_NAME, Name),
            (r"-?[0-9]+(?![\w.])%?", Number.Integer),
            (r"-?\.?[0-9](?:[eE][+-]|[\w.])*%?", Number.Float),
            (r"[=:+@]", Operator),
            (r"[;,(){}\[\]]", Punctuation),
            (r".", Error),
        ],
        "string": [
            (r'\\["\\]', String.Escape),
            (r'[^"\\\n]+', String),
            (r'"', String, "#pop"),
            (r"\n", Whitespace, "#pop"),  # its end was forgotten
            (r"\\", Error),
        ],
    }
