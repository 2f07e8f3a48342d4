"""The import contracts that import-linter does not ship; `.importlinter` names them.

They look at direct imports only: what a room does with its own store or library is its affair.
"""

from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class _Lines(Contract):
    """A contract whose failure is a list of sentences."""

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print each sentence on its line."""
        for line in check.metadata["lines"]:
            output.print_error(line, bold=False)
        output.new_line()

    @staticmethod
    def conclude(lines: list[str]) -> ContractCheck:
        """Return a check that is kept if there is nothing to say."""
        return ContractCheck(kept=not lines, metadata={"lines": lines})


class PrivateStores(_Lines):
    """Let only the room that owns a `store` import it."""

    type_name = "private_stores"

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002, FBT001
        """List every import of a store from outside its package."""
        lines = []
        for store in sorted(name for name in graph.modules if name.endswith(".store")):
            room = store.removesuffix(".store")
            for importer in sorted(graph.find_modules_that_directly_import(store)):
                if not _is_in(importer, room):
                    where = _lines_of(graph, importer, store)
                    lines.append(f"{importer} imports {store} ({where}); only {room} may")
        return self.conclude(lines)


class OnePlace(_Lines):
    """Let a library be imported in the named places only; `*` stands for any letters."""

    type_name = "one_place"
    places = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002, FBT001
        """List every import of a library outside its place."""
        lines = []
        for rule in self.places:  # type: ignore[attr-defined]
            library, places = _parse(rule)
            if library not in graph.modules:
                continue
            for importer in sorted(graph.find_modules_that_directly_import(library)):
                if not any(_is_in(importer, place) for place in places):
                    where = _lines_of(graph, importer, library)
                    allowed = " and ".join(places)
                    lines.append(f"{importer} imports {library} ({where}); only {allowed} may")
        return self.conclude(lines)


class NoCycles(_Lines):
    """Refuse a circle of modules, however long and wherever it runs."""

    type_name = "no_cycles"

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002, FBT001
        """Name the first circle, module by module."""
        needs = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
        try:
            TopologicalSorter(needs).prepare()
        except CycleError as error:
            walk = " <- ".join(error.args[1])
            return self.conclude([f"these modules import each other in a circle: {walk}"])
        return self.conclude([])


def _parse(rule: str) -> tuple[str, list[str]]:
    library, _, places = rule.partition(":")
    return library.strip(), places.split()


def _is_in(module: str, place: str) -> bool:
    return fnmatchcase(module, place) or fnmatchcase(module, f"{place}.*")


def _lines_of(graph: ImportGraph, importer: str, imported: str) -> str:
    details: list[Any] = list(graph.get_import_details(importer=importer, imported=imported))
    return ", ".join(f"l.{detail['line_number']}" for detail in details)
