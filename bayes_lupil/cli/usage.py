"""What a command is told wrongly, in one line that helps; and the examples below each command's help."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from bayes_lupil.cli.console import err
from bayes_lupil.errors import InputError

__all__ = ["Commands", "examples"]

# Click's own, wherever the installed Typer has it from
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]


class Commands(TyperGroup):
    """The commands; what they are told wrongly is one line, and an interruption says whether anything was written."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stopped:
            err.print(", ".join(["interrupted", *getattr(stopped, "__notes__", [])]))
            raise typer.Exit(130) from None

    def main(self, *args: Any, standalone_mode: bool = True, **options: Any) -> Any:
        """Run, and end the program with a status of 2 where a command does not understand what it was told."""
        try:
            status = super().main(*args, **{**options, "standalone_mode": False})
        except _UsageError as problem:
            if type(problem).__name__ != "NoArgsIsHelpError":  # whose help has been shown
                err.print("error:", style="bold red", end=" ")
                err.print(_told(problem), soft_wrap=True)
            raise SystemExit(InputError.exit_status) from None
        if not standalone_mode:
            return status
        raise SystemExit(status or 0)


def _told(problem: Any) -> str:
    """Which command, what was wrong, how it is called, and what can be copied."""
    message = problem.format_message().rstrip(".").replace("Value error, ", "").removeprefix("Got ")
    message, context = message[:1].lower() + message[1:], problem.ctx
    if context is None:
        return f"{message}. See --help."
    name = context.command_path
    usage = " ".join([name, *context.command.collect_usage_pieces(context)]).replace("{", "").replace("}", "")
    first = next((line for line in (context.command.epilog or "").split("\n\n")[1:]), f"{name} --help")
    return f"{name}: {message}. Usage: {usage}. For example: {first}. More: {name} --help."


def examples(*lines: str) -> str:
    """Lines to be copied, as the end of a command's help."""
    return "\n\n".join(["[bold]Examples[/bold]", *(f"bayes-lupil {line}" for line in lines)])
