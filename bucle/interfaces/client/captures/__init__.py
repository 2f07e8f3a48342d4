"""What is captured while a run goes on, without a word: its output, its vitals, its notebook."""

from bucle.interfaces.client.captures.console import PATH as CONSOLE_PATH
from bucle.interfaces.client.captures.console import Console, read_console, tee
from bucle.interfaces.client.captures.notebook import Notebook, find_notebook
from bucle.interfaces.client.captures.vitals import Vitals

__all__ = [
    "CONSOLE_PATH",
    "Console",
    "Notebook",
    "Vitals",
    "find_notebook",
    "read_console",
    "tee",
]
