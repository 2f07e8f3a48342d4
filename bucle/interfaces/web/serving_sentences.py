"""Sentences of how plans go out to the model servers that follow."""

from collections.abc import Mapping

# fact -> in English and in Spanish
SERVING_SENTENCES: Mapping[str, tuple[str, str]] = {
    "fleet.declared": (
        "{actor} declared that plans go out in waves: {waves}",
        "{actor} declaró que los planes salen en oleadas: {waves}",
    ),
    "fleet.rolled_back": (
        "Plan {number} was taken back from the model servers in wave {wave}: {reason}",
        "El plan {number} se retiró de los servidores en la oleada {wave}: {reason}",
    ),
    "fleet.rollout_finished": (
        "Plan {number} has reached every model server: {followers}",
        "El plan {number} llegó a todos los servidores: {followers}",
    ),
    "fleet.rollout_started": (
        "Plan {number} goes out to the model servers in waves: {waves}",
        "El plan {number} sale a los servidores en oleadas: {waves}",
    ),
    "prediction.collected": (
        "{actor} brought in {rows} predictions of {thing}",
        "{actor} trajo {rows} predicciones de {thing}",
    ),
    "fleet.wave_opened": (
        "Plan {number} goes on to wave {wave}; {followers} model servers have it",
        "El plan {number} pasa a la oleada {wave}; {followers} servidores lo tienen",
    ),
}
