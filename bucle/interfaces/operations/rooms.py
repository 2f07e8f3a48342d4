"""The rooms that have verbs, and what the command line says of each.

Alone in its file, because `bucle --help` reads it and must import nothing else.
"""

# room -> a sentence in English and in Spanish
ROOMS: dict[str, tuple[str, str]] = {
    "access": ("Who may do what: principals, roles, tokens", "Quién puede hacer qué"),
    "audit": ("What happened, in a chain that shows tampering", "Qué pasó, a prueba de retoques"),
    "lineage": ("What came from what", "Qué salió de qué"),
    "cost": ("What everything used and cost", "Qué usó y costó cada cosa"),
    "tasks": ("What somebody has to do", "Lo que alguien tiene que hacer"),
    "charter": ("The business problem of the project", "El problema de negocio del proyecto"),
    "data": ("Dataset versions: commit, read, validate", "Versiones de datos"),
    "tracking": ("Runs: parameters, metrics, artifacts", "Ejecuciones y sus métricas"),
    "imports": ("What was brought over from other tools", "Lo traído de otras herramientas"),
    "features": ("Features: training sets and online rows", "Características"),
    "pipelines": ("Pipelines: run, resume, inspect", "Flujos: ejecutar, reanudar, mirar"),
    "tuning": ("Searches over algorithms and parameters", "Búsqueda de algoritmos y parámetros"),
    "registry": ("Models: versions, gates, aliases", "Modelos: versiones, controles, alias"),
    "serving": ("Deployments: what is served and to whom", "Despliegues: qué se sirve y a quién"),
    "monitoring": ("What was served, watched", "Lo servido, vigilado"),
    "feedback": ("Labels and corrections", "Etiquetas y correcciones"),
    "control": ("Jobs, triggers, plan and apply", "Trabajos, disparadores, plan y aplicación"),
}
