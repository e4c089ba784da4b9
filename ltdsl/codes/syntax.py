"""LT0xx: what the parser finds."""

from __future__ import annotations

from ltdsl.codes.entry import entry
from ltdsl.diagnostics import Code

SYNTAX: dict[str, Code] = {
    "LT001": entry(
        "unexpected text",
        """Something stands where the language has no place for it, or something is missing. A recipe is a series of
        settings (`name = value`), stages (`name: trick + trick @ start { overrides }`) and `use "path"` lines.""",
        "epochs 400\nstage1 input_mixup",
        "epochs = 400\nstage1: input_mixup",
    ),
    "LT002": entry(
        "bracket without a partner",
        """Every `(`, `[` and `{` needs its closing bracket, of the same shape, and the other way round.""",
        "stage1: input_mixup(alpha = 1.0",
        "stage1: input_mixup(alpha = 1.0)",
    ),
    "LT003": entry(
        "malformed string",
        r"""Strings stand in straight double quotes and end on the line they begin on. Two escapes exist: `\"` for a
        double quote and `\\` for a backslash.""",
        r'init = "weights\resnet32.ckpt"',
        'init = "weights/resnet32.ckpt"',
    ),
    "LT004": entry(
        "malformed number",
        """Numbers are written in decimal: `420`, `0.1`, `1e-4`, `-2`. A percentage ends in `%` without a space. There
        are no separators between digits, no units, no infinities and no NaN.""",
        "epochs = 1_000",
        "epochs = 1000",
    ),
    "LT005": entry(
        "name not in lower_snake_case",
        """Names are lower-case ASCII words joined by single underscores; digits may follow the first letter. They have
        at most 64 characters.""",
        "stage1: Input-Mixup",
        "stage1: input_mixup",
    ),
    "LT006": entry(
        "nested too deeply",
        """Brackets may stand inside each other 32 levels deep. No recipe needs more than three or four.""",
    ),
    "LT007": entry(
        "file cannot be read",
        """The file does not exist, is a folder, or the system refuses to open it.""",
    ),
    "LT008": entry(
        "file too large",
        """Recipes are short; a file over 1 MiB, or of more than 10,000 words, marks and lines, is something else, and
        is refused before it is looked at. So is one with a line of more than 65,536 characters.""",
    ),
    "LT009": entry(
        "file is not text",
        """Recipes are text files in UTF-8. The file has bytes that are no UTF-8, or holds binary data.""",
    ),
    "LT010": entry(
        "reserved word",
        """`ltdsl` and `let` cannot begin a statement: they are kept for later versions of the language. As names of
        tricks, values or arguments they are free.""",
        "let = 3",
        "epochs = 3",
    ),
    "LT011": entry(
        "argument without a name",
        """Arguments are always written `name = value`, so that a recipe can be read without knowing their order.""",
        "stage1: input_mixup(1.0)",
        "stage1: input_mixup(alpha = 1.0)",
    ),
    "LT012": entry(
        "statements not separated",
        """Two statements on a line need a `;` between them.""",
        "epochs = 400 seed = 1",
        "epochs = 400; seed = 1",
    ),
    "LT013": entry(
        "misplaced block",
        """A `{ }` block belongs to a stage, comes last in it, begins on the line where its tricks or its `@` end, and
        holds settings only.""",
        "stage2: cam_bs @ epoch 160\n{\n    batch_size = 64\n}",
        "stage2: cam_bs @ epoch 160 {\n    batch_size = 64\n}",
    ),
    "LT014": entry(
        "syntax of another language",
        """The intention is clear, but it is written as other languages write it.""",
        "epochs := 400   // as in the paper",
        "epochs = 400    # as in the paper",
    ),
    "LT015": entry(
        "too many errors",
        """After 100 syntax errors the rest of the file is not looked at.""",
    ),
}
