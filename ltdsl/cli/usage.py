"""How help shows arguments: as options show their values, without Python types."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

from typer.core import TyperCommand, TyperGroup

from ltdsl.cli.manner import with_options

#: Options of typer's, and what they do here.
COMPLETION = {
    "install_completion": "Let a shell complete: this one, or bash, zsh, fish or powershell where it is named.",
    "show_completion": "Show what --install-completion installs, to look at it or to put it elsewhere.",
}

#: Those that typer writes completion for.
SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")


class Command(TyperCommand):
    """A command whose usage reads `ltdsl predict [OPTIONS] RUN IMAGE...`."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its own parameters, and those of every command."""
        return with_options(super().get_params(ctx))

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Options, then arguments; those in brackets can be left out."""
        return ["[OPTIONS]", *(_name(param, usage=True) for param in _arguments(self, ctx))]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse, and where an option is a value of recipes, say how it is set."""
        written = list(args)
        try:
            if not ctx.resilient_parsing and any(word[-1:] in ("", "=") for word in args):
                _refuse_empty_paths(self, ctx, list(args))
            return super().parse_args(ctx, args)
        except Exception as error:
            if isinstance(getattr(error, "message", None), str):
                error.message = error.message.removeprefix("Value error, ")  # type: ignore[attr-defined]
            option = getattr(error, "option_name", "")
            takes_values = any("--set" in param.opts for param in self.get_params(ctx))
            if takes_values and hasattr(error, "possibilities"):
                _answer(error, option, written)
            raise

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Arguments, then options, as columns of names and meanings."""
        rows = [(_name(param), param.help or "") for param in _arguments(self, ctx)]
        if rows:
            with formatter.section("Arguments"):
                formatter.write_dl(rows)
        options = [param for param in self.get_params(ctx) if param.param_type_name == "option"]
        records = [param.get_help_record(ctx) for param in options]
        with formatter.section("Options"):
            formatter.write_dl([record for record in records if record])


class Group(TyperGroup):
    """A command that has commands of its own."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its own parameters, and those of every command."""
        params = with_options(super().get_params(ctx))
        for param in params:
            if param.name in COMPLETION:
                param.help = COMPLETION[param.name]
        return params

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse, and let a shell be named after the options about completion, which typer would look for itself."""
        for name in COMPLETION if ctx.parent is None and not ctx.resilient_parsing else ():
            _complete_for(ctx, f"--{name.replace('_', '-')}", args)
        return super().parse_args(ctx, args)


def _complete_for(ctx: Any, option: str, args: list[str]) -> None:
    """Do what an option about completion asks for a shell that is named; without one, leave it to typer."""
    words = [word.partition("=") for word in args]
    at = next((place for place, (name, _, _) in enumerate(words) if name == option), None)
    if at is None:
        return
    shell = words[at][2] if words[at][1] else next(iter(args[at + 1 :]), "-")
    if shell.startswith("-"):
        return
    if shell not in SHELLS:
        from ltdsl.cli.output import misused

        misused(f"{option} {shell}: known are {', '.join(SHELLS)}")
    from typer.completion import install_callback, show_callback

    (install_callback if "install" in option else show_callback)(ctx, None, shell)  # type: ignore[arg-type]


def _refuse_empty_paths(command: TyperCommand, ctx: Any, args: list[str]) -> None:
    """End where a path is empty, as a shell's unset variable is: it would be the folder where one is."""
    given = command.make_parser(ctx).parse_args(args=args)[0]
    for param in command.get_params(ctx):
        value = given.get(param.name)
        if _is_path(param) and "" in (value if isinstance(value, list | tuple) else [value]):
            from ltdsl.cli.output import misused

            option = param.param_type_name == "option"
            misused(f"{param.opts[0] if option else _name(param)}: a path is empty")


def _is_path(param: Any) -> bool:
    if hasattr(param, "type_descriptor"):
        annotation = param.type_descriptor.annotation
        return Path in (annotation, *get_args(annotation))
    # older versions of typer tell click
    return any(kind.__name__ == "Path" for kind in type(param.type).__mro__)


def _answer(error: Any, option: str, written: list[str]) -> None:
    """Let the error about an unknown option say what to write."""
    from ltdsl.analysis.addresses import instead

    words = iter(written)
    _, _, value = next((w for w in words if w.partition("=")[0] == option), "").partition("=")
    value = value or next(words, "")  # what follows it
    answer = instead(option.lstrip("-").replace("-", "_"), "…" if value[:1] in ("", "-") else value)
    if answer:
        error.message = f"there is no option {option}: {answer}"
        error.possibilities = None


def _arguments(command: TyperCommand, ctx: Any) -> list[Any]:
    return [param for param in command.get_params(ctx) if param.param_type_name == "argument"]


def _name(argument: Any, usage: bool = False) -> str:
    name = argument.metavar or argument.name.upper()
    many = "..." if argument.nargs != 1 else ""
    return f"{name}{many}" if argument.required or not usage else f"[{name}]{many}"
