"""What findings say and advise, in English and in Spanish.  Pure: figures in, sentences out.

The order is that of importance: first what makes a model worthless, then what makes it worse.
"""

from collections.abc import Mapping
from typing import NamedTuple

from bucle.lifecycle.data.explore.records import Finding


class Phrase(NamedTuple):
    """A finding's sentence and its advice, each in English and in Spanish."""

    says: tuple[str, str]
    advice: tuple[str, str]


PHRASES: Mapping[str, Phrase] = {
    "copies_target": Phrase(
        ("{column} is {target} itself in {share} of the rows",
         "{column} es el propio {target} en el {share} de las filas"),
        ("leave {column} out of the features", "deje {column} fuera de las características"),
    ),
    "leak": Phrase(
        ("{column} alone predicts {target}: {measure} {value} on rows that it was not fitted to",
         "{column} predice {target} por sí sola: {measure} {value} en filas no usadas al ajustar"),
        ("leave it out, unless it is known before {target} is; ask who fills it in, and when",
         "déjela fuera, salvo que se sepa antes que {target}; pregunte quién la rellena y cuándo"),
    ),
    "decides": Phrase(
        ("values of {column} decide {target}: they hold {share} of the {label} and nothing else",
         "hay valores de {column} que deciden {target}: el {share} de los {label} y nada más"),
        ("ask whether {column} is filled in because of {target}; then leave it out",
         "pregunte si {column} se rellena a causa de {target}; si es así, déjela fuera"),
    ),
    "target_constant": Phrase(
        ("{target} has one value only: there is nothing to learn",
         "{target} tiene un solo valor: no hay nada que aprender"),
        ("get rows of the other cases", "consiga filas de los otros casos"),
    ),
    "key_repeats": Phrase(
        ("{rows} rows repeat a key ({key}), such as {examples}",
         "{rows} filas repiten una clave ({key}), como {examples}"),
        ("decide which row holds, and commit the others away: bucle data upsert",
         "decida qué fila vale y confirme sin las otras: bucle data upsert"),
    ),
    "schema": Phrase(
        ("{column}: {note}, against {reference}", "{column}: {note}, respecto a {reference}"),
        ("bring it back, or retrain what reads it", "repóngala, o reentrene lo que la lee"),
    ),
    "few_rows": Phrase(
        ("there are {rows} rows only", "solo hay {rows} filas"),
        ("get more rows before trusting any score", "consiga más filas antes de fiarse de nada"),
    ),
    "target_missing": Phrase(
        ("{target} is missing in {share} of the rows", "falta {target} en el {share} de las filas"),
        ("label them, or say why rows without it are like the others",
         "etiquételas, o diga por qué las filas sin ella son como las demás"),
    ),
    "rare_class": Phrase(
        ("the rarest class of {target}, {label}, has {rows} rows ({share})",
         "la clase más rara de {target}, {label}, tiene {rows} filas ({share})"),
        ("split by class, and judge by precision and recall: accuracy says nothing here",
         "divida por clases y juzgue por precisión y exhaustividad: la exactitud no dice nada"),
    ),
    "future": Phrase(
        ("{rows} rows are from after the version was committed ({column})",
         "{rows} filas son posteriores a la confirmación de la versión ({column})"),
        ("check the time zone and the clock of what writes them",
         "revise la zona horaria y el reloj de quien las escribe"),
    ),
    "later": Phrase(
        ("{column} lies after {time} in {share} of the rows, by {lag} in the middle",
         "{column} es posterior a {time} en el {share} de las filas, en {lag} de mediana"),
        ("what is known only then is no feature at {time}: declare it created, or leave it out",
         "lo que solo se sabe entonces no es característica en {time}: declárelo created"),
    ),
    "known_late": Phrase(
        ("rows are known {lag} after they happen in the middle, and {most} for one in a hundred",
         "las filas se conocen {lag} después de ocurrir de mediana, y {most} una de cada cien"),
        ("declare {column} as created of the feature views: training then sees what was known",
         "declare {column} como created de las vistas: el entrenamiento verá lo que se sabía"),
    ),
    "drift": Phrase(
        ("{column} moved since {reference}: PSI {value}, the limit is {limit}",
         "{column} se movió desde {reference}: PSI {value}, el límite es {limit}"),
        ("find out why before training across both",
         "averigüe por qué antes de entrenar con ambas"),
    ),
    "missing_moved": Phrase(
        ("{column} is missing in {after} of the rows, and was in {before} of {reference}",
         "falta {column} en el {after} de las filas, y faltaba en el {before} de {reference}"),
        ("ask the producer of {column}", "pregunte a quien produce {column}"),
    ),
    "empty": Phrase(
        ("{column} has no values at all", "{column} no tiene ningún valor"),
        ("leave it out, or find out who stopped filling it in",
         "déjela fuera, o averigüe quién dejó de rellenarla"),
    ),
    "repeated_rows": Phrase(
        ("{rows} rows are there twice or more ({share})",
         "{rows} filas están dos veces o más ({share})"),
        ("remove them, or they sit in training and in the test at once; declare a key",
         "quítelas, o estarán a la vez en entrenamiento y prueba; declare una clave"),
    ),
    "twins": Phrase(
        ("{column} and {other} say the same ({measure} {value})",
         "{column} y {other} dicen lo mismo ({measure} {value})"),
        ("keep one of them", "quédese con una"),
    ),
    "infinite": Phrase(
        ("{column} is infinite in {rows} rows", "{column} es infinita en {rows} filas"),
        ("look for a division by zero", "busque una división por cero"),
    ),
    "missing": Phrase(
        ("{column} is missing in {share} of the rows", "falta {column} en el {share} de las filas"),
        ("say what missing means: unknown, none, or not asked yet",
         "diga qué significa que falte: se ignora, no hay, o aún no se preguntó"),
    ),
    "gaps": Phrase(
        ("periods without rows: {count}; the longest is {longest}, from {since}",
         "periodos sin filas: {count}; el más largo es de {longest}, desde {since}"),
        ("windows over it count too little: fill it in, or mark it",
         "las ventanas que lo cruzan cuentan de menos: rellénelo o márquelo"),
    ),
    "outliers": Phrase(
        ("{share} of {column} lies far out: its middle is {median}, its range {low} to {high}",
         "el {share} de {column} queda muy lejos: su mediana es {median} y va de {low} a {high}"),
        ("are they errors? Then set a range; else take a logarithm, or a model of ranks",
         "¿son errores? Ponga un intervalo; si no, tome logaritmos o un modelo de rangos"),
    ),
    "blank": Phrase(
        ("{column} is blank text in {rows} rows", "{column} es texto en blanco en {rows} filas"),
        ("commit them as missing", "confírmelas como ausentes"),
    ),
    "collinear": Phrase(
        ("{column} and {other} go together ({measure} {value})",
         "{column} y {other} van juntas ({measure} {value})"),
        ("a linear model can not tell their weights apart",
         "un modelo lineal no puede separar sus pesos"),
    ),
    "missing_together": Phrase(
        ("{names} are missing together in {share} of the rows",
         "{names} faltan a la vez en el {share} de las filas"),
        ("one cause, then: find the source that did not answer",
         "una sola causa: busque la fuente que no respondió"),
    ),
    "many_values": Phrase(
        ("{column} has {distinct} different texts", "{column} tiene {distinct} textos distintos"),
        ("group rare ones, or count them out of fold",
         "agrupe los raros, o codifique por pliegues"),
    ),
    "identifier": Phrase(
        ("{column} names the rows: nearly each has a value of its own",
         "{column} nombra las filas: casi cada una tiene un valor propio"),
        ("join by it; it is no feature", "úsela para unir; no es una característica"),
    ),
    "constant": Phrase(
        ("{column} has one value only: {label}", "{column} tiene un solo valor: {label}"),
        ("leave it out", "déjela fuera"),
    ),
    "rhythm": Phrase(
        ("the busiest {unit} has {times} times the rows of the quietest",
         "{unit} con más filas tiene {times} veces las de menos"),
        ("split by time, and give the model hour and weekday",
         "divida por tiempo y dé al modelo la hora y el día de la semana"),
    ),
    "sampled": Phrase(
        ("what goes together was looked at in {rows} rows that were drawn",
         "lo que va junto se miró en {rows} filas sorteadas"),
        ("counts, missing, duplicates and outliers are of all rows",
         "recuentos, ausencias, repetidos y extremos son de todas las filas"),
    ),
}  # fmt: skip

# Figures that are words of the house, in Spanish.
_WORDS = {
    "correlation of ranks": "correlación de rangos", "hour": "la hora", "weekday": "el día",
    "Cramér's V": "V de Cramér", "correlation ratio": "razón de correlación",
}  # fmt: skip


def said(finding: Finding, language: str = "en") -> tuple[str, str]:
    """Return what a finding says and advises, in a language."""
    phrase, which = PHRASES[finding.kind], int(language == "es")
    figures = {
        name: _WORDS.get(str(value), value) if which else value
        for name, value in finding.figures.items()
    }
    return phrase.says[which].format(**figures), phrase.advice[which].format(**figures)


def rank(kind: str) -> int:
    """Return how important a kind of finding is; 0 is most."""
    return list(PHRASES).index(kind)
