"""A bug is not caught below the doors: `except Exception` stands in at most seven places."""

import ast

from tests.architecture.sources import Source, sources

# The job worker, the reconcile tick, the HTTP door and the CLI door, as the house style has it; and
# the model server three times: around other people's models, and at its own doors, HTTP and gRPC
# (decision 0007).
_PLACES = 7
_BROAD = frozenset({"Exception", "BaseException"})


def test_everything_is_caught_in_at_most_seven_places() -> None:
    places = [file.at(handler) for file, handler in _broad_handlers()]
    assert len(places) <= _PLACES, places


def test_each_of_them_says_why_in_a_comment() -> None:
    silent = [file.at(handler) for file, handler in _broad_handlers()
              if not file.is_commented(handler)]  # fmt: skip
    assert silent == []


def _broad_handlers() -> list[tuple[Source, ast.ExceptHandler]]:
    return [(file, node) for file in sources() for node in ast.walk(file.tree)
            if isinstance(node, ast.ExceptHandler) and _is_broad(node)
            and not _raises_again(node)]  # fmt: skip


def _is_broad(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(kind, ast.Name) and kind.id in _BROAD for kind in kinds)


def _raises_again(handler: ast.ExceptHandler) -> bool:
    """Tell whether the handler only cleans up: its last statement is a bare `raise`."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None
