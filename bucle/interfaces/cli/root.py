"""The commands as a lazy tree: root, room, verb; each level is made when it is asked for."""

from importlib import import_module
from typing import Any

import click

from bucle.base.version import __version__
from bucle.interfaces.cli.commands import COMMANDS, DEFAULT_VERBS, LOCAL_VERBS, Listed
from bucle.interfaces.cli.context import common_options
from bucle.interfaces.cli.tongue import Tongue
from bucle.interfaces.cli.words import word
from bucle.interfaces.operations.rooms import ROOMS


class Room(Tongue, click.Group):
    """`bucle <room>`: its verbs are rows of the operation table."""

    def __init__(self, room: str, language: str) -> None:
        english, spanish = ROOMS[room]
        super().__init__(
            room,
            help=f"{spanish if language == 'es' else english}.",
            params=common_options(language),
            subcommand_metavar=word("VERB ...", language),
            context_settings={"ignore_unknown_options": room in DEFAULT_VERBS},
        )
        self.room = room
        self.language = language

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click calls it
        """List the verbs, with dashes."""
        return list(dict.fromkeys([*(dashed(row.verb) for row in self._rows()), *self._local()]))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """Return a verb; `token create` finds `create-token`."""
        from bucle.interfaces.cli.verb import make_verb

        if cmd_name in self._local():
            return _load(self._local()[cmd_name], self.language)
        for row in self._rows():
            if dashed(row.verb) == dashed(cmd_name):
                return make_verb(row, self.language)
        nested = [row for row in self._rows() if row.verb.endswith(f"_{cmd_name}")]
        if not nested:
            return None
        group = click.Group(cmd_name)
        for row in nested:
            name = dashed(row.verb.removesuffix(f"_{cmd_name}"))
            group.add_command(make_verb(row, self.language), name)
        return group

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Take the room's own verb where none was said: `bucle lineage <ref>`."""
        meant = DEFAULT_VERBS.get(self.room)
        if meant and self.get_command(ctx, args[0]) is None:
            return meant, self.get_command(ctx, meant), args
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click calls it
        """Write the verbs, each with its summary."""
        lines = []
        for row in self._rows():
            takes = " ".join(f"<{field}>" for field in row.positional)
            says = row.summary_es if self.language == "es" else row.summary
            if dashed(row.verb) not in self._local():
                lines.append((f"{dashed(row.verb)} {takes}".strip(), says))
        for name, local in self._local().items():
            lines.append((name, f"{local[2 if self.language == 'es' else 1]}."))
        with formatter.section(word("Verbs", self.language)):
            formatter.write_dl(lines)

    def _local(self) -> dict[str, Listed]:
        return LOCAL_VERBS.get(self.room, {})

    def _rows(self) -> tuple[Any, ...]:
        from bucle.interfaces.operations.table import rows_of

        return rows_of(self.room)


class Root(Tongue, click.Group):
    """`bucle`: rooms and commands, none of them imported for its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click calls it
        """List commands, then rooms."""
        return [*COMMANDS, *ROOMS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """Return a command or a room."""
        if cmd_name in COMMANDS:
            return _load(COMMANDS[cmd_name], self.language)
        return Room(cmd_name, self.language) if cmd_name in ROOMS else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click calls it
        """Write commands and rooms with their sentences."""
        which = 1 if self.language == "es" else 0
        commands = [(name, listed[1 + which]) for name, listed in COMMANDS.items()]
        rooms = [(name, sentences[which]) for name, sentences in ROOMS.items()]
        for heading, lines in (("Commands", commands), ("Rooms", rooms)):
            with formatter.section(word(heading, self.language)):
                formatter.write_dl(lines)


def make_root(language: str) -> click.Group:
    """Return the `bucle` command in a language."""
    root = Root(
        "bucle",
        help=word("The whole MLOps loop in one package.", language),
        params=[*common_options(language), _version_option(language)],
        subcommand_metavar=word("ROOM VERB ...", language),
    )
    root.language = language
    return root


def dashed(name: str) -> str:
    """Return a name as the command line spells it."""
    return name.replace("_", "-")


def _load(listed: Listed, language: str) -> click.Command:
    """Import a command, or make the one of an operation."""
    module, colon, name = listed.target.partition(":")
    if colon:
        command: click.Command = getattr(import_module(module), name)
        if language == "es":
            command.help = f"{listed.summary_es}."
        return command
    from bucle.interfaces.cli.verb import make_verb
    from bucle.interfaces.operations.table import row_named

    return make_verb(row_named(listed.target), language)


def _version_option(language: str) -> click.Option:
    def show(context: click.Context, _: click.Parameter, asked: bool) -> None:  # noqa: FBT001 - click calls it
        if asked:
            click.echo(__version__)
            context.exit()

    return click.Option(
        ["--version"],
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=show,
        help=word("Show the version and exit.", language),
    )
