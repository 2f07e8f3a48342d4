"""Reactions: which fact asks for which job.  Pure: an event and the declarations in, jobs out.

This is the loop itself: each arrow of it is one entry of this table, and nothing else in the
house calls the next stage.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from bucle.base.quantity import parse_duration
from bucle.base.refs import Ref
from bucle.control.jobs.records import NewJob
from bucle.control.spec.records import ProjectSpec
from bucle.governance.audit.records import Event
from bucle.lifecycle.data import dataset_ref
from bucle.lifecycle.serving import Rollout

Reaction = Callable[[Event, ProjectSpec, datetime], tuple[NewJob, ...]]


def react(event: Event, spec: ProjectSpec, now: datetime) -> tuple[NewJob, ...]:
    """Return the jobs that a fact asks for; each has a key, so that none is queued twice."""
    reaction = REACTIONS.get(event.type)
    return reaction(event, spec, now) if reaction else ()


def _judge(event: Event, spec: ProjectSpec, _: datetime) -> tuple[NewJob, ...]:
    """A new version of a declared model goes before its gates."""
    if Ref.parse(event.ref).name not in spec.models:
        return ()
    return (_job(event, "model.judge", ref=event.ref),)


def _roll_out(event: Event, spec: ProjectSpec, _: datetime) -> tuple[NewJob, ...]:
    """An accepted version starts its way to each deployment of its model."""
    model = Ref.parse(event.ref).name
    return tuple(
        _job(event, "rollout.start", deployment=name, ref=event.ref)
        for name, deployment in spec.deployments.items()
        if deployment.model == model
    )


def _look_later(event: Event, spec: ProjectSpec, now: datetime) -> tuple[NewJob, ...]:
    name = Ref.parse(event.ref).name
    if name not in spec.deployments:
        return ()
    return look_later(event, spec.deployments[name].rollout, now)


def look_later(event: Event, rollout: Rollout, now: datetime) -> tuple[NewJob, ...]:
    """What is on its way is looked at when it has lasted as long as the rollout says.

    A canary and a trial at each step; a shadow, if a rollout begins in it; a new champion, if it
    is watched.  This needs no declarations: a rollout that somebody began by hand is judged too.
    """
    name, later = Ref.parse(event.ref).name, now + parse_duration(rollout.each)
    kind = ROLLOUTS[event.type]
    if kind == "rollout.shadow" and rollout.way != "shadow":
        return ()
    if kind == "rollout.watch":
        if not (rollout.gates and rollout.gates.watch):
            return ()
        later = min(later, now + parse_duration(rollout.gates.watch))
    return (_job(event, kind, run_at=later, deployment=name),)


def _serve_champion(event: Event, spec: ProjectSpec, _: datetime) -> tuple[NewJob, ...]:
    """Whoever moved the champion alias: what is served follows it."""
    if event.body.get("alias") != "champion":
        return ()
    model = Ref.parse(event.ref).name
    return tuple(
        _job(event, "serving.follow", deployment=name)
        for name, deployment in spec.deployments.items()
        if deployment.model == model
    )


def _materialize_source(event: Event, spec: ProjectSpec, _: datetime) -> tuple[NewJob, ...]:
    """New rows go on to the online store, through every declared view of theirs."""
    dataset = Ref.parse(event.ref).name
    return tuple(
        _job(event, "features.materialize", view=name)
        for name, view in spec.views.items()
        if view.source and dataset_ref(view.source).name == dataset
    )


def _materialize_served(event: Event, spec: ProjectSpec, _: datetime) -> tuple[NewJob, ...]:
    """A model may have been trained on older versions of views: those are online from now on."""
    name = Ref.parse(event.ref).name
    if name not in spec.deployments:
        return ()
    views = {view.partition("@")[0] for view in spec.deployments[name].features}
    wanted = [name for each in views for name in (*_inputs(spec, each), each)]
    return tuple(
        _job(event, "features.materialize", view=each, only="served")
        for each in dict.fromkeys(wanted)
    )


def _start_rollout(event: Event, spec: ProjectSpec, now: datetime) -> tuple[NewJob, ...]:
    return (*_look_later(event, spec, now), *_materialize_served(event, spec, now))


def _inputs(spec: ProjectSpec, view: str) -> tuple[str, ...]:
    declared = spec.views.get(view)
    return tuple(each.partition("@")[0] for each in declared.inputs) if declared else ()


def _materialize_view(event: Event, spec: ProjectSpec, _: datetime) -> tuple[NewJob, ...]:
    """A new definition of a declared view has its features in the online store at once."""
    name = Ref.parse(event.ref).name
    if name not in spec.views:
        return ()
    return (_job(event, "features.materialize", view=name),)


def _follow_topic(event: Event, spec: ProjectSpec, _: datetime) -> tuple[NewJob, ...]:
    """Events that came are counted by every declared view whose stream they are."""
    topic = Ref.parse(event.ref).name
    return tuple(
        _job(event, "features.follow", view=name)
        for name, view in spec.views.items()
        if view.stream == topic
    )


def _pull_topic(event: Event, spec: ProjectSpec, _: datetime) -> tuple[NewJob, ...]:
    """Events that came go on to every declared dataset that collects them."""
    address = f"topic:{Ref.parse(event.ref).name}"
    return tuple(
        _job(event, "data.pull", name=name)
        for name, dataset in spec.datasets.items()
        if dataset.source and dataset.source.url == address
    )


def _follow_or_pull(event: Event, spec: ProjectSpec, now: datetime) -> tuple[NewJob, ...]:
    return (*_follow_topic(event, spec, now), *_pull_topic(event, spec, now))


def _publish(event: Event, _spec: ProjectSpec, _now: datetime) -> tuple[NewJob, ...]:
    """Who may ask has changed: the model servers are told in their plans."""
    return (publication(event),)


def _publish_masks(event: Event, spec: ProjectSpec, _: datetime) -> tuple[NewJob, ...]:
    """Which columns are sensitive may have changed: the model servers are told what not to log."""
    masks = any(one.log and one.log.mask != "keep" for one in spec.deployments.values())
    return (publication(event),) if masks else ()


def publication(event: Event) -> NewJob:
    """Return the job that tells the model servers who may ask."""
    return _job(event, "serving.publish")


# Facts that change who may ask a model server; they matter without any declarations too.
ACCESS = ("token.created", "token.revoked", "role.granted", "role.withdrawn")
# Facts that say which columns are sensitive: model servers are told what they may not log.
SAID = ("dataset.declared", "dataset.described", "dataset.columns_confirmed")
# Facts of rollouts -> what looks at them later.
ROLLOUTS: Mapping[str, str] = {
    "rollout.started": "rollout.check",
    "rollout.advanced": "rollout.check",
    "rollout.continued": "rollout.check",
    "rollout.trial_started": "rollout.check",
    "rollout.trial_continued": "rollout.check",
    "rollout.reweighed": "rollout.check",
    "rollout.shadow_started": "rollout.shadow",
    "rollout.shadow_compared": "rollout.shadow",
    "rollout.finished": "rollout.watch",
    "rollout.trial_stopped": "rollout.watch",
    "rollout.watched": "rollout.watch",
}
REACTIONS: Mapping[str, Reaction] = {
    "dataset.committed": _materialize_source,
    "feature.registered": _materialize_view,
    "model.registered": _judge,
    "model.accepted": _roll_out,
    "topic.extended": _follow_or_pull,
    "deployment.served": _materialize_served,
    "deployment.rolled_back": _materialize_served,
    "deployment.killed": _materialize_served,
    "deployment.restored": _materialize_served,
    **dict.fromkeys(ROLLOUTS, _look_later),
    **dict.fromkeys(
        ("rollout.started", "rollout.shadow_started", "rollout.trial_started"), _start_rollout
    ),
    "model.promoted": _serve_champion,
    "model.rolled_back": _serve_champion,
    **dict.fromkeys(ACCESS, _publish),
    **dict.fromkeys(SAID, _publish_masks),
}


def _job(event: Event, kind: str, *, run_at: datetime | None = None, **args: str) -> NewJob:
    about = args.get("deployment") or args.get("view") or args.get("name", "")
    return NewJob(
        kind=kind,
        args=dict(args),
        key=f"{kind}:{event.number}:{about}",
        run_at=run_at,
        cause=f"{event.type} {event.ref}",
    )
