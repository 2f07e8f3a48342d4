"""A command line that was typed wrongly: what is wrong, the nearest word, and what to type next."""

import difflib

import click
import msgspec

from bucle.interfaces.cli.talk import say
from bucle.interfaces.cli.words import word


def say_usage(error: click.ClickException, *, as_json: bool, language: str) -> None:
    """Write what click refused, as every other error is written."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    message, hint = _message(error, language), _hint(error, context)
    if as_json:
        told = {"error": "Usage", "message": message, "hint": hint}
        say(msgspec.json.encode(told).decode())
        return
    if context is not None:
        usage = f"{context.command_path} {' '.join(context.command.collect_usage_pieces(context))}"
        say(f"{word('Usage', language)}: {usage}")
    say(click.style("error", fg="red", bold=True) + f": {message}")
    if hint:
        say(f"  hint: {hint}")


def _message(error: click.ClickException, language: str) -> str:
    """Return click's sentence; the frequent ones in the reader's language."""
    match error:
        case click.MissingParameter(param=click.Parameter() as missing):
            kind = "Missing argument" if isinstance(missing, click.Argument) else "Missing option"
            name = missing.opts[0] if isinstance(missing, click.Option) else missing.metavar
            return f"{word(kind, language)} '{name or missing.name}'"
        case click.NoSuchOption():
            return f"{word('No such option', language)} '{error.option_name}'"
    message = error.format_message().rstrip(".")
    for english in ("No such command", "Got unexpected extra arguments", "Missing command",
                    "Got unexpected extra argument", "Invalid value for"):  # fmt: skip
        if message.startswith(english):
            return word(english, language) + message.removeprefix(english)
    return message


def _hint(error: click.ClickException, context: click.Context | None) -> str:
    """Return the command that was meant, if one is near; else where the words are listed."""
    if context is None:
        return ""
    command = context.command
    if isinstance(command, click.Group):
        near = difflib.get_close_matches(_quoted(error.format_message()),
                                         command.list_commands(context), 1)  # fmt: skip
        if near:
            return f"{context.command_path} {near[0]}"
    return f"{context.command_path} --help"


def _quoted(message: str) -> str:
    """Return what stands between the first quotes of a sentence."""
    return message.partition("'")[2].partition("'")[0]
