"""Sentences of what is served: deployments and their rollouts."""

from collections.abc import Mapping

# fact -> in English and in Spanish
SERVED: Mapping[str, tuple[str, str]] = {
    "deployment.changed": ("{actor} changed {thing}", "{actor} cambió {thing}"),
    "deployment.created": ("{actor} created {thing} of {model}", "{actor} creó {thing} de {model}"),
    "deployment.retired": ("{actor} retired {thing}", "{actor} retiró {thing}"),
    "deployment.rolled_back": (
        "{actor} rolled {thing} back to {model}",
        "{actor} devolvió {thing} a {model}",
    ),
    "deployment.served": (
        "{thing} serves {model} to everybody: {reason}",
        "{thing} sirve {model} a todos: {reason}",
    ),
    "deployment.killed": (
        "{actor} took {model} of {thing} out of service: {reason}",
        "{actor} retiró {model} de {thing}: {reason}",
    ),
    "deployment.restored": (
        "{actor} put {model} of {thing} back into service: {reason}",
        "{actor} devolvió {model} de {thing} al servicio: {reason}",
    ),
    "rollout.aborted": (
        "The canary {model} was taken back: {reason}",
        "La canaria {model} se retiró: {reason}",
    ),
    "rollout.advanced": (
        "The canary {model} gets {weight}: {reason}",
        "La canaria {model} recibe {weight}: {reason}",
    ),
    "rollout.continued": (
        "The canary {model} needs more evidence: {reason}",
        "La canaria {model} necesita más pruebas: {reason}",
    ),
    "rollout.finished": (
        "The canary {model} serves everybody: {reason}",
        "La canaria {model} sirve a todos: {reason}",
    ),
    "rollout.started": (
        "{model} gets {weight} of the traffic as a canary",
        "{model} recibe {weight} del tráfico como canaria",
    ),
    "rollout.proved": (
        "The new champion {model} proved itself",
        "La nueva campeona {model} dio buena prueba",
    ),
    "rollout.reweighed": (
        "The traffic of {thing} was shared out anew: {reason}",
        "El tráfico de {thing} se repartió de nuevo: {reason}",
    ),
    "rollout.shadow_compared": (
        "{model} stays in the shadow: {reason}",
        "{model} sigue en la sombra: {reason}",
    ),
    "rollout.shadow_proved": ("{model}: {reason}", "{model}: {reason}"),
    "rollout.shadow_started": (
        "{model} gets copies of {share} of the requests, in the shadow",
        "{model} recibe copias del {share} de las peticiones, en la sombra",
    ),
    "rollout.shadow_stopped": (
        "{model} left the shadow: {reason}",
        "{model} dejó la sombra: {reason}",
    ),
    "rollout.trial_continued": (
        "The trial of {model} goes on: {reason}",
        "La prueba de {model} continúa: {reason}",
    ),
    "rollout.trial_started": (
        "{models} compete with {champion} by {metric}",
        "{models} compiten con {champion} por {metric}",
    ),
    "rollout.trial_stopped": (
        "A trial ended, and {model} serves everybody: {reason}",
        "Una prueba terminó y {model} sirve a todos: {reason}",
    ),
    "rollout.watched": (
        "The new champion {model} is watched still: {reason}",
        "La nueva campeona {model} sigue vigilada: {reason}",
    ),
}
