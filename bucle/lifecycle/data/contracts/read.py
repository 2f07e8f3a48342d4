"""Look at contracts, and at how they are kept."""

from bucle.base.errors import NotFound
from bucle.base.page import Page
from bucle.base.refs import Ref, check_name
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.data.contracts import store
from bucle.lifecycle.data.contracts.judge import standing
from bucle.lifecycle.data.contracts.records import Contract, ContractReport

_DELIVERIES = 10


def show_contract(scope: Scope, name: str) -> ContractReport:
    """Show what is in force, what is to come, what is proposed, and how it is kept.

    Raises:
        NotFound: there never was a contract about the dataset.
    """
    dataset = Ref("dataset", check_name(name))
    scope.require(Permission.DATASET_READ, dataset)
    in_force = store.find_in_force(scope.tx, scope.project, name, scope.now)
    report = ContractReport(
        dataset=dataset,
        in_force=in_force,
        coming=store.find_coming(scope.tx, scope.project, name, scope.now),
        proposed=store.find_proposed(scope.tx, scope.project, name),
        verdicts=standing(scope, in_force) if in_force else (),
        deliveries=store.list_deliveries(scope.tx, scope.project, name, limit=_DELIVERIES),
    )
    if not (report.in_force or report.coming or report.proposed):
        raise NotFound(
            f"no contract about {dataset} is in force or proposed",
            hint=f"bucle data propose-contract {name} --producer ... --fresh-within 1d",
        )
    return report


def list_contracts(
    scope: Scope, *, dataset: str = "", limit: int = 50, token: str | None = None
) -> Page[Contract]:
    """List contracts by dataset, the newest of each first, with those that are over."""
    scope.require(Permission.DATASET_READ)
    return store.list_all(scope.tx, scope.project, dataset=dataset, limit=limit, token=token)
