"""The verbs of contracts between who produces data and the project."""

from typing import Annotated, Literal

import msgspec

from bucle.base.page import Page
from bucle.base.verdict import Verdict, all_ok
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.interfaces.operations.fields import Limit
from bucle.interfaces.operations.table import AnyOperation, Operation
from bucle.lifecycle import data

_Rows = Annotated[int, msgspec.Meta(ge=0, description="new rows in each period")]


class ProposeContract(msgspec.Struct, frozen=True, kw_only=True):
    """What a producer promises of a dataset."""

    name: str
    producer: str  # a principal's name, or role:<role>
    columns: tuple[data.Column, ...] = ()
    as_it_is: bool = False  # promise the columns of the newest version
    expectations: tuple[data.Expectation, ...] = ()
    fresh_within: str = ""
    min_rows: _Rows | None = None  # None: no promise
    max_rows: _Rows | None = None  # None: no limit
    per: str = ""  # the period of the rows: "1d"
    notice: str = ""  # how long before it takes force a change that takes away is proposed
    version: str = ""  # "": the next one
    note: str = ""


class ContractOf(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset."""

    name: str


class Contracts(msgspec.Struct, frozen=True, kw_only=True):
    """A page of contracts, of one dataset or of all."""

    name: str = ""  # "": of all
    limit: Limit = 50
    token: str | None = None  # None: the first


class Accept(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset whose proposed contract is accepted, and for which side."""

    name: str
    side: Literal["producer", "project"] | None = None  # None: the one that has not yet


class Because(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset, and why its contract is turned down or ended."""

    name: str
    reason: str


class Nothing(msgspec.Struct, frozen=True, kw_only=True):
    """No field."""


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """What control sees when it looks: how contracts and objectives are kept."""

    verdicts: tuple[Verdict, ...]
    stale: tuple[data.Freshness, ...]


def _propose(scope: Scope, q: ProposeContract) -> data.Contract:
    columns = q.columns
    if q.as_it_is and not columns:
        head = data.find_head(scope, q.name)
        columns = head.columns if head else ()
    terms = data.Terms(
        columns=columns,
        expectations=q.expectations,
        fresh_within=q.fresh_within,
        min_rows=q.min_rows,
        max_rows=q.max_rows,
        per=q.per,
        notice=q.notice,
    )
    offer = data.Offer(
        dataset=q.name, producer=q.producer, terms=terms, version=q.version, note=q.note
    )
    return data.propose_contract(scope, offer)


def _look(session: Session, _: Nothing) -> Looked:
    return Looked(
        verdicts=data.judge_contracts(session),
        stale=tuple(one for one in data.watch_freshness(session) if not one.ok),
    )


ROWS: tuple[AnyOperation, ...] = (
    Operation(
        name="data.propose_contract",
        permission=Permission.DATASET_WRITE,
        method="POST",
        path="/datasets/{name}/contracts",
        request=ProposeContract,
        response=data.Contract,
        run=_propose,
        events=("contract.proposed", "task.opened", "task.closed"),
        positional=("name",),
        summary="Propose what a producer promises of a dataset; the other side accepts it.",
        summary_es="Propone lo que promete quien produce un conjunto; la otra parte lo acepta.",
    ),
    Operation(
        name="data.accept_contract",
        permission=Permission.DATASET_WRITE,
        method="POST",
        path="/datasets/{name}/contracts/accept",
        request=Accept,
        response=data.Contract,
        run=lambda scope, q: data.accept_contract(scope, q.name, side=q.side),
        events=("contract.accepted", "task.closed"),
        positional=("name",),
        summary="Accept the contract that is proposed, for one's side.",
        summary_es="Acepta el contrato propuesto, por la parte propia.",
    ),
    Operation(
        name="data.reject_contract",
        permission=Permission.DATASET_WRITE,
        method="POST",
        path="/datasets/{name}/contracts/reject",
        request=Because,
        response=data.Contract,
        run=lambda scope, q: data.reject_contract(scope, q.name, reason=q.reason),
        events=("contract.rejected", "task.closed"),
        positional=("name",),
        summary="Turn down the contract that is proposed, and say why.",
        summary_es="Rechaza el contrato propuesto, y di por qué.",
    ),
    Operation(
        name="data.end_contract",
        permission=Permission.CONTRACT_ACCEPT,
        method="POST",
        path="/datasets/{name}/contracts/end",
        request=Because,
        response=data.Contract,
        run=lambda scope, q: data.end_contract(scope, q.name, reason=q.reason),
        events=("contract.ended", "task.closed"),
        positional=("name",),
        summary="End the contract in force; nothing is judged by it any more.",
        summary_es="Termina el contrato en vigor; ya nada se juzga por él.",
    ),
    Operation(
        name="data.contract",
        permission=Permission.DATASET_READ,
        method="GET",
        path="/datasets/{name}/contract",
        request=ContractOf,
        response=data.ContractReport,
        run=lambda scope, q: data.show_contract(scope, q.name),
        is_good=lambda report: all_ok(report.verdicts),
        positional=("name",),
        summary="Show a dataset's contract, and whether it is kept.",
        summary_es="Muestra el contrato de un conjunto, y si se cumple.",
    ),
    Operation(
        name="data.contracts",
        permission=Permission.DATASET_READ,
        method="GET",
        path="/contracts",
        request=Contracts,
        response=Page[data.Contract],
        run=lambda scope, q: data.list_contracts(
            scope, dataset=q.name, limit=q.limit, token=q.token
        ),
        positional=("name",),
        summary="List contracts, the newest of each dataset first.",
        summary_es="Lista los contratos, el último de cada conjunto primero.",
    ),
    Operation(
        name="data.judge_contracts",
        permission=Permission.DATASET_WRITE,
        method="POST",
        path="/contracts/judge",
        request=Nothing,
        response=Looked,
        work=_look,
        events=(
            "task.opened", "task.closed", "dataset.became_stale", "dataset.became_fresh",
        ),
        is_good=lambda looked: all_ok(looked.verdicts) and not looked.stale,
        summary="Look now whether contracts and freshness are kept, as control does by itself.",
        summary_es="Mira ahora si se cumplen contratos y frescura, como lo hace el control.",
    ),
)  # fmt: skip
