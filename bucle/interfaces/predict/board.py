"""What is being served right now; replaced as a whole, so that no request sees half a change."""

import random
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from bucle.base.errors import BucleError, NotFound, Unavailable
from bucle.interfaces.predict.engines import Engine, EngineShop, ModelError
from bucle.interfaces.predict.fallback import fallback_engine, fallback_variant
from bucle.interfaces.predict.router import choose, place_of
from bucle.lifecycle.serving import (
    CHAMPION,
    FALLBACK,
    PlannedDeployment,
    ServingPlan,
    Variant,
)


class Loaded(msgspec.Struct, frozen=True):
    """A variant with its engine."""

    variant: Variant
    engine: Engine
    told: str  # the model's reference, as answers say it


class Served(msgspec.Struct, frozen=True):
    """A deployment whose variants are loaded."""

    project: str
    deployment: PlannedDeployment
    loaded: tuple[Loaded, ...]  # champion first; (): nothing to answer with
    told: str  # the deployment's reference, as answers say it
    problem: str = ""  # why this is not what the plan says; "": it is
    unloaded: bool = False  # whether this server was asked not to answer for it
    shadows: tuple[Loaded, ...] = ()  # that get copies of requests, and answer nobody
    # What answers where no model can; None: none is declared for that.
    fallback: Loaded | None = None

    @property
    def name(self) -> str:
        """The deployment's name."""
        return self.deployment.ref.name

    def choose(self, routing_key: str, rng: random.Random) -> Loaded:
        """Return the variant that answers.

        Raises:
            Unavailable: nothing is loaded.
        """
        if len(self.loaded) == 1:
            return self.loaded[0]
        if not self.loaded:
            self._check_unloaded()
            raise Unavailable(
                f"{self.deployment.ref} serves no version yet"
                + (f": {self.problem}" if self.problem else ""),
                hint=f"bucle serving serve-version {self.name} <model>@<version>",
            )
        salt = self.deployment.salt or self.name
        place = place_of(routing_key, salt) if routing_key else rng.random()
        weights = [one.variant.weight for one in self.loaded]
        return self.loaded[choose(weights, place)]

    def _check_unloaded(self) -> None:
        if self.unloaded:
            raise Unavailable(
                f"{self.deployment.ref.bare} was unloaded from this server",
                hint=f"POST /v2/repository/models/{self.name}/load",
            )

    def version(self, number: str) -> Loaded:
        """Return the variant of that model version.

        Raises:
            NotFound: it is not among the variants.
            Unavailable: all of them were unloaded.
        """
        self._check_unloaded()
        for one in self.loaded:
            if one.variant.model.version == number:
                return one
        known = ", ".join(str(one.variant.model.version) for one in self.loaded)
        raise NotFound(
            f"{self.deployment.ref.bare} does not serve version {number}",
            hint=f"it serves {known or 'nothing yet'}",
        )


class Board(msgspec.Struct, frozen=True):
    """Everything that is served, by the names that requests use."""

    plans: Mapping[str, ServingPlan] = {}
    by_name: Mapping[str, Served] = {}  # `demand` where unique, and `bikes.demand`

    def find(self, name: str) -> Served:
        """Return a deployment by its name, or by project and name where several share one.

        Raises:
            NotFound: no such deployment, or several.
        """
        if found := self.by_name.get(name):
            return found
        twins = sorted(known for known in self.by_name if known.endswith(f".{name}"))
        if twins:
            raise NotFound(
                f"several projects have a deployment {name!r}", hint=f"ask for {' or '.join(twins)}"
            )
        known = ", ".join(sorted(self.by_name)) or "nothing yet"
        raise NotFound(f"there is no deployment {name!r} here", hint=f"served: {known}")

    @property
    def served(self) -> tuple[Served, ...]:
        """Every deployment once."""
        unique = {(one.project, one.name): one for one in self.by_name.values()}
        return tuple(unique[key] for key in sorted(unique))


def named(served: Iterable[Served]) -> dict[str, Served]:
    """Return deployments under their full names, and under their short ones where unique."""
    everything = list(served)
    names: dict[str, list[Served]] = {}
    for one in everything:
        names.setdefault(one.name, []).append(one)
    short = {name: found[0] for name, found in names.items() if len(found) == 1}
    return {f"{one.project}.{one.name}": one for one in everything} | short


def next_served(
    plan: ServingPlan, wanted: PlannedDeployment, before: Served | None, shop: EngineShop
) -> Served:
    """Load what a plan wants of a deployment; keep what is served where that fails.

    A deployment switches as a whole or not at all.  Where nothing was served before, the
    champion alone is better than nothing, and a fallback is better than that.  A shadow that
    can not be loaded holds nothing up.
    """
    fallback, spoilt = _fallback(wanted)
    if wanted.killed and fallback is not None:
        return Served(plan.project, wanted, (fallback,), str(wanted.ref), spoilt)
    loaded, problems = _load(wanted.variants, shop)
    rescuer = fallback if wanted.fallback and wanted.fallback.on_error else None
    if not problems:
        shadows, dark = _load(wanted.shadows or (), shop)
        problem = "; ".join([*dark, spoilt] if spoilt else dark)
        return Served(
            plan.project,
            wanted,
            loaded,
            str(wanted.ref),
            problem,
            shadows=shadows,
            fallback=rescuer,
        )
    problem = "; ".join(problems)
    if before is not None and before.loaded:
        return msgspec.structs.replace(before, problem=f"{wanted.ref} is not served: {problem}")
    champions = tuple(one for one in loaded if one.variant.role == CHAMPION)
    able = (champions and loaded) or ((rescuer,) if rescuer else ())
    return Served(plan.project, wanted, able, str(wanted.ref), problem, fallback=rescuer)


def _fallback(wanted: PlannedDeployment) -> tuple[Loaded | None, str]:
    """Return the declared fallback, ready to answer; and what is wrong with it."""
    if not wanted.fallback:
        return None, ""
    variant = fallback_variant(wanted)
    try:
        engine = fallback_engine(wanted.fallback)
    except BucleError as error:
        return None, f"{FALLBACK}: {error}"
    return Loaded(variant, engine, str(variant.model)), ""


def _load(
    variants: Sequence[Variant], shop: EngineShop
) -> tuple[tuple[Loaded, ...], tuple[str, ...]]:
    loaded, problems = [], []
    for variant in sorted(variants, key=lambda one: one.role != CHAMPION):
        try:
            loaded.append(Loaded(variant, shop.get(variant), str(variant.model)))
        except (BucleError, ModelError) as error:
            problems.append(f"{variant.role} {variant.model}: {error}")
    return tuple(loaded), tuple(problems)
