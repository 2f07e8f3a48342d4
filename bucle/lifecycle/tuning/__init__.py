"""Room tuning: budgeted searches over algorithms and hyper-parameters, trials as runs."""

from bucle.lifecycle.tuning.read import get_study, list_studies
from bucle.lifecycle.tuning.records import (
    Choice,
    Float,
    Int,
    Search,
    Space,
    Study,
    StudyResult,
    Trial,
)
from bucle.lifecycle.tuning.search import search

__all__ = [
    "Choice",
    "Float",
    "Int",
    "Search",
    "Space",
    "Study",
    "StudyResult",
    "Trial",
    "get_study",
    "list_studies",
    "search",
]
