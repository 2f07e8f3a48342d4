"""Models of models: declare them, and draft their package from their members' drafts."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
import pyarrow as pa

from bucle.base.errors import Invalid
from bucle.base.refs import Ref
from bucle.lifecycle.registry.answers import answers_table
from bucle.lifecycle.registry.columns import Array, Columns, columns_of
from bucle.lifecycle.registry.draft import Ask, Draft, Packaging, outputs_of
from bucle.lifecycle.registry.flavors import FLAVORS, ensemble, runs_code
from bucle.lifecycle.registry.flavors.ensemble import HOWS, Part, Plan, answer_together
from bucle.lifecycle.registry.records import Field, Manifest, Signature


class Packed(msgspec.Struct, frozen=True, kw_only=True):
    """A model that is packed already: a version of the registry, say."""

    manifest: Manifest
    weights: bytes
    packages: tuple[str, ...]  # distributions that loading it needs


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One model of an ensemble."""

    model: Any  # a model as `log_model` takes it, or a version: `model:churn@3`
    weight: float = 1.0  # in a mean or a vote
    gives: dict[str, str] = {}  # output -> column, for the members after it


class Ensemble(msgspec.Struct, frozen=True, kw_only=True):
    """Several models that answer as one.

    how: `mean` of the predictions or, of classifiers, of the probabilities; `vote` for a class;
    `last`: one after the other, each may read what those before it `give`, the last one answers.
    """

    members: tuple[Member, ...]
    how: ensemble.How = "mean"


def check_ensemble(asked: Ensemble) -> None:
    """Refuse what can not answer.

    Raises:
        Invalid: no members, an unknown way to answer, or weights that weigh nothing.
    """
    if not asked.members:
        raise Invalid("an ensemble without members says nothing", hint="give members=(...)")
    if asked.how not in HOWS:
        raise Invalid(f"{asked.how!r} is no way to answer together", hint=" or ".join(HOWS))
    weights = [member.weight for member in asked.members]
    if min(weights) < 0 or not sum(weights) > 0:
        raise Invalid(
            f"the weights {', '.join(f'{weight:g}' for weight in weights)} weigh nothing",
            hint="give weights of 0 or more, one of them above 0",
        )


def draft_ensemble(
    asked: Ensemble, packaging: Packaging, draft: Callable[[Any, Packaging], Draft]
) -> Draft:
    """Return a package of all members.

    Args:
        asked: the members.
        packaging: as of any model; members get the rows with what earlier ones gave.
        draft: drafts one member.

    Raises:
        Invalid: the members do not go together, or one of them can not be packed.
    """
    check_ensemble(asked)
    drafts: list[Draft] = []
    rows = packaging
    for member in asked.members:
        # What answers for the ensemble has its task; what only prepares a column has its own.
        answers_for_it = asked.how != "last" or member is asked.members[-1]
        made = _member(member, rows, packaging.task if answers_for_it else "", draft)
        drafts.append(made)
        rows = _with_answers(rows, made, member.gives)
    parts = tuple(
        Part(manifest=made.manifest, weight=member.weight, gives=member.gives)
        for made, member in zip(drafts, asked.members, strict=True)
    )
    plan = Plan(how=asked.how, parts=parts)
    classes = _classes(plan)
    inputs = _inputs(plan)
    ask = partial(_asked, plan, tuple(made.ask for made in drafts), classes)
    answers = ask(columns_of(packaging.example, inputs))
    manifest = Manifest(
        flavor=ensemble.NAME,
        task=packaging.task or parts[-1].manifest.task,
        signature=Signature(inputs=inputs, outputs=outputs_of(answers)),
        target=packaging.target,
        classes=classes,
        weights=ensemble.WEIGHTS,
        options=_options(parts),
        files={},
    )
    return Draft(
        manifest=manifest,
        weights=ensemble.dump(plan, [made.weights for made in drafts]),
        packages=tuple(sorted({name for made in drafts for name in made.packages} | {"numpy"})),
        ask=ask,
        note="; ".join(made.note for made in drafts if made.note),
    )


def _member(
    member: Member, rows: Packaging, task: str, draft: Callable[[Any, Packaging], Draft]
) -> Draft:
    if isinstance(member.model, Ref | str):
        raise Invalid(
            f"the member {member.model} is a version, and versions are read beside the "
            "installation only",
            hint="log the ensemble where the installation is, or give the fitted model itself",
        )
    if not isinstance(member.model, Packed):
        return draft(member.model, msgspec.structs.replace(rows, task=task))
    packed = member.model
    if runs_code(packed.manifest) and not rows.allow_pickle:
        raise Invalid(
            f"a member is of flavor {packed.manifest.flavor}, which runs code where it is loaded",
            hint="allow_pickle=True, if everyone who loads it may run that code",
        )
    runner = FLAVORS[packed.manifest.flavor].load(packed.weights, packed.manifest, 1)
    bare = msgspec.structs.replace(packed.manifest, files={})
    return Draft(
        manifest=bare, weights=packed.weights, packages=packed.packages, ask=partial(_run, runner)
    )


def _run(runner: Any, columns: Columns) -> dict[str, Array]:  # noqa: ANN401 - a flavor's runner
    found: dict[str, Array] = runner.run(columns)
    return found


def _asked(
    plan: Plan, asks: Sequence[Ask], classes: Sequence[Any], columns: Columns
) -> dict[str, Array]:
    return answer_together(plan, asks, columns, classes)


def _with_answers(rows: Packaging, made: Draft, gives: Mapping[str, str]) -> Packaging:
    """Return the rows with what a member says of them, under the names that it gives."""
    if not gives:
        return rows
    example = _added(rows.example, made, gives)
    check = None if rows.check is None else _added(rows.check, made, gives)
    return msgspec.structs.replace(rows, example=example, check=check)


def _added(table: pa.Table, made: Draft, gives: Mapping[str, str]) -> pa.Table:
    answers = answers_table(made.ask(columns_of(table, made.manifest.signature.inputs)))
    for output, column in gives.items():
        if output not in answers.column_names:
            raise Invalid(
                f"a member gives no {output!r}", hint=f"it gives {', '.join(answers.column_names)}"
            )
        if column in table.column_names:
            raise Invalid(f"{column!r} is a column already", hint="give it another name")
        table = table.append_column(column, answers.column(output))
    return table


def _inputs(plan: Plan) -> tuple[Field, ...]:
    """Return the columns of all members that no earlier member gives."""
    found: dict[str, Field] = {}
    given: set[str] = set()
    for part in plan.parts:
        for field in part.manifest.signature.inputs:
            if field.name in given:
                continue
            before = found.get(field.name, field)
            if before.type != field.type:
                raise Invalid(
                    f"members take {field.name!r} as {before.type} and as {field.type}",
                    hint="train them on the same types",
                )
            nullable = before.nullable and field.nullable
            found[field.name] = msgspec.structs.replace(field, nullable=nullable)
        given |= set(part.gives.values())
    return tuple(found.values())


def _classes(plan: Plan) -> tuple[Any, ...]:
    """Return the classes that members decide between; () where they give numbers."""
    last = plan.parts[-1].manifest.classes
    if plan.how == "last":
        return last
    if odd := [part for part in plan.parts if part.manifest.classes != last]:
        raise Invalid(
            f"members decide between {', '.join(map(str, odd[0].manifest.classes)) or 'numbers'} "
            f"and between {', '.join(map(str, last)) or 'numbers'}",
            hint="train them on the same classes",
        )
    if plan.how == "vote" and not last:
        raise Invalid("numbers are not voted on", hint="how='mean'")
    for part in plan.parts:
        names = {field.name for field in part.manifest.signature.outputs}
        if plan.how == "mean" and last and ensemble.PROBABILITY not in names:
            raise Invalid("a member has no probabilities to take the mean of", hint="how='vote'")
    return last


def _options(parts: Sequence[Part]) -> dict[str, str]:
    told = ", ".join(part.manifest.flavor for part in parts)
    code = any(runs_code(part.manifest) for part in parts)
    return {"members": told} | ({ensemble.CODE: ensemble.HELD} if code else {})
