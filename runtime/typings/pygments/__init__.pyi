"""What reports and terminals use of Pygments."""

from pygments.formatters import HtmlFormatter
from pygments.lexer import RegexLexer

def highlight(code: str, lexer: RegexLexer, formatter: HtmlFormatter) -> str: ...
