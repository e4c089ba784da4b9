"""LT6xx: configurations of other projects."""

from __future__ import annotations

from ltdsl.codes.entry import entry

IMPORTING = {
    "LT601": entry(
        "no configuration",
        """The file is no YAML or no command line of a project that `ltdsl import` knows, or it has what a configuration
        does not need: a key twice, a tag, a value that contains itself.""",
        says="error[LT601]: notes.yaml is no configuration that is known here",
    ),
    "LT602": entry(
        "no counterpart",
        """A recipe cannot say what the configuration says, so none is written: it would train something else.""",
        says="""error[LT602]: `BACKBONE.FREEZE` other than False has no counterpart
 --> exp.yaml:14:3""",
    ),
    "LT603": entry(
        "key that nobody reads",
        """The project that the configuration belongs to has no such key: most likely a slip, and without effect there
        too.""",
        says="""warning[LT603]: `TRAIN.SAMPLER.WIEGHTED_SAMPLER.TYPE` is no key that this project reads
 --> exp.yaml:41:7""",
    ),
    "LT604": entry(
        "configuration that does not do what it says",
        """Something in it has no effect there, such as a deferral of a loss that is the same before and after, or names
        what is not at hand, such as weights that no other configuration makes. The recipe does what the configuration
        does.""",
        says="""warning[LT604]: `CrossEntropyLabelSmooth` is the same before and after: this defers nothing
 --> exp.yaml:38:5""",
    ),
}
