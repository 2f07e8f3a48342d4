"""The door of the command line: `bucle <room> <verb>`, and nothing imported that is not run."""

import sys
import traceback
from typing import NoReturn

import click

from bucle.base.errors import STATUS, BucleError
from bucle.base.version import __version__
from bucle.interfaces.cli.context import Said, language_of_environment
from bucle.interfaces.cli.root import make_root
from bucle.interfaces.cli.talk import say, say_error
from bucle.interfaces.cli.usage import say_usage

_BUG = 1
_INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run a command line and leave with its exit code (see `bucle.base.errors`)."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """Run a command line and return its exit code."""
    asked = Said(language=language_of_environment())
    root = make_root(asked.language)
    try:
        return int(root.main(arguments, prog_name="bucle", standalone_mode=False, obj=asked) or 0)
    except BucleError as error:
        say_error(error, as_json=asked.as_json)
        return STATUS[type(error)][1]
    except click.ClickException as error:
        as_json = asked.as_json or "--json" in arguments
        say_usage(error, as_json=as_json, language=asked.language)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    except BrokenPipeError:  # the reader of our output went away, as `| head` does
        sys.stderr.close()
        return 0
    except Exception:  # noqa: BLE001 - the command line's door: a bug is shown whole, once, here
        traceback.print_exc()
        say(f"this is a bug in Bucle {__version__}; please report it with the lines above")
        return _BUG
