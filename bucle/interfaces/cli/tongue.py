"""`Tongue`: a click command that speaks the reader's language."""

import click

from bucle.interfaces.cli.words import word


class Tongue(click.Command):
    """A command whose usage and headings are in the reader's language."""

    language = "en"

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the usage line."""
        pieces = " ".join(self.collect_usage_pieces(ctx))
        formatter.write_usage(ctx.command_path, pieces, f"{word('Usage', self.language)}: ")

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return what the usage line takes, `[OPTIONS]` in the reader's language."""
        return [word(piece, self.language) for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options."""
        records = [param.get_help_record(ctx) for param in self.get_params(ctx)
                   if not isinstance(param, click.Argument)]  # fmt: skip
        lines = [record for record in records if record is not None]
        if lines:
            with formatter.section(word("Options", self.language)):
                formatter.write_dl(lines)
        if isinstance(self, click.Group):
            self.format_commands(ctx, formatter)

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """Return `--help`."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.help = word("Show this message and exit.", self.language)
        return option
