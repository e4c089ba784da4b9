"""Texts made to take long or much, up to the size that a recipe may have."""

from __future__ import annotations

from ltdsl.syntax.parser import MAX_BYTES, MAX_LINE, MAX_PIECES


def fill(piece: str, size: int) -> str:
    """A piece as often as it fits."""
    return piece * (size // len(piece))


#: As large as a file may be: most are refused, which has to be cheap.
LARGE = {
    "short lines": fill("a\n", MAX_BYTES),
    "settings": fill("a=1;", MAX_BYTES),
    "comments": fill("# c\n", MAX_BYTES),
    "carriage returns": fill("\r", MAX_BYTES),
    "one comment": fill("#", MAX_LINE),
    "long comments": fill("#" * (MAX_LINE - 1) + "\n", MAX_BYTES),
    "digits": fill("a = " + "9" * (MAX_LINE - 10) + "\n", MAX_BYTES),
    "exponents": fill("a = 1e" + "9" * (MAX_LINE - 10) + "\n", MAX_BYTES),
    "names": fill("a" * (MAX_LINE - 10) + " = 1\n", MAX_BYTES),
    "strings": fill('init = "' + "é" * (MAX_LINE - 20) + '"\n', MAX_BYTES // 2),
    "open strings": fill('"' + "x" * (MAX_LINE - 10) + "\n", MAX_BYTES),
    "backslashes": fill('a = "' + "\\" * (MAX_LINE - 10) + "\n", MAX_BYTES),
    "wide": fill("漢" * (MAX_LINE - 1) + "\n", MAX_BYTES // 3),
    "spaces": fill(" " * (MAX_LINE - 1) + "\n", MAX_BYTES),
    "paths": fill('use "' + "x/" * (MAX_LINE // 2 - 10) + '"\n', MAX_BYTES),
    **{f"only {mark}": mark * MAX_BYTES for mark in "({[}])\";,+=:@#%.\\'"},
}

_PIECES = MAX_PIECES - 10
#: As crowded as a file may be: these are looked at to the end.
CROWDED = {
    "settings": fill("a=1;", 4 * (_PIECES // 4)),
    "lines": fill("a = 1\n", 6 * (_PIECES // 4)),
    "comments": fill("a = 1 # c\n", 10 * (_PIECES // 5)),
    "silencing": fill("a = 1 # ltdsl: ignore[LT201] c\n", 31 * (_PIECES // 5)),
    "misspelt": fill("epoch = 1\n", 10 * (_PIECES // 4)),
    "uses": fill('use "x"\n', 8 * (_PIECES // 3)),
    "chain": "s: " + fill("ce + ", 5 * (_PIECES // 2 - 3)) + "ce",
    "list": "a = [" + fill("1, ", 3 * (_PIECES // 2 - 4)) + "1]",
    "milestones": "stage1: ce\nschedule = multistep(milestones = ["
    + ", ".join(map(str, range(_PIECES // 2 - 10)))
    + "])",
    "comments in a list": "a = [" + fill("1, # c\n", 7 * (_PIECES // 4)) + "]",
    "stages": "".join(f"s{i}: ce @ epoch {i} {{ batch_size = 1 }}\n" for i in range(_PIECES // 12)),
    "teachers": "s: ce" + fill(' + dive(teacher = "/x")', 23 * (_PIECES // 8)),
    "nested": fill("a = " + "[" * 31 + "]" * 31 + "\n", 67 * (_PIECES // 65)),
    "calls": fill("s: " + "a(b = " * 31 + "1" + ")" * 31 + "\n", 225 * (_PIECES // 160)),
    "errors": fill("a 1\n", 4 * (_PIECES // 3)),
    **{f"only {mark}": mark * _PIECES for mark in '({[}])";,+=:@%.\\'},
}
