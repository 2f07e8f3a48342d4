"""Say what a column seems to hold, by its name and by a sample of its values.  Pure.

Names are read in English and in Spanish.  Values count for more than names: a column `email` of
numbers is none.  The evidence tells shares, never a value: who may not see the column may see it.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from bucle.governance.search.words import parts_of
from bucle.lifecycle.data.catalog.values import CHECKS
from bucle.lifecycle.data.records import Sensitivity


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of column: what it is called, what it means, and what names it is known by."""

    sensitivity: Sensitivity
    meaning: tuple[str, str]  # in English and in Spanish
    names: tuple[str, ...]
    share: float = 0.8  # of the values that must be such; of a kind that values can show
    trust: float = 0.95  # in values that are such


class Guess(msgspec.Struct, frozen=True, kw_only=True):
    """What a column seems to hold."""

    kind: str
    meaning: str
    sensitivity: Sensitivity
    confidence: float
    evidence: str
    unit: str = ""


def _kind(
    sensitivity: Sensitivity, meaning: tuple[str, str], names: str, *, share: float = 0.8,
    trust: float = 0.95,
) -> Kind:  # fmt: skip
    split = tuple(names.split())
    return Kind(sensitivity=sensitivity, meaning=meaning, names=split, share=share, trust=trust)


KINDS: Mapping[str, Kind] = {
    "secret": _kind(
        "secret",
        ("a secret by which somebody is let in", "un secreto con el que se entra"),
        "password passwd pwd contrasena secret secreto api_key access_token cvv cvc pin_code",
    ),
    "email": _kind(
        "personal",
        ("an e-mail address", "una dirección de correo electrónico"),
        "email mail correo correo_electronico",
    ),
    "card": _kind(
        "sensitive",
        ("the number of a payment card", "el número de una tarjeta de pago"),
        "card_number credit_card numero_tarjeta num_tarjeta tarjeta pan",
        share=0.9,
    ),
    "iban": _kind(
        "sensitive",
        ("the IBAN of a bank account", "el IBAN de una cuenta bancaria"),
        "iban account_number numero_cuenta cuenta_bancaria",
    ),
    "national_id": _kind(
        "sensitive",
        ("a person's identity number", "el número de identidad de una persona"),
        "dni nie nif national_id passport pasaporte ssn numero_identidad",
    ),
    "ip": _kind(
        "personal",
        ("the address of a device on the internet", "la dirección de un aparato en internet"),
        "ip ip_address direccion_ip",
    ),
    "phone": _kind(
        "personal",
        ("a telephone number", "un número de teléfono"),
        "phone telephone mobile tel telefono movil",
        trust=0.6,
    ),
    "person_name": _kind(
        "personal",
        ("a person's name", "el nombre de una persona"),
        "first_name last_name full_name surname customer_name client_name nombre apellido "
        "apellidos nombre_completo nombre_cliente name",
        share=0.3,
        trust=0.7,
    ),
    "birth_date": _kind(
        "personal",
        ("a person's date of birth", "la fecha de nacimiento de una persona"),
        "birth_date birthday date_of_birth dob fecha_nacimiento fecha_de_nacimiento nacimiento",
    ),
    "coordinates": _kind(
        "personal",
        ("a place, as coordinates", "un lugar, en coordenadas"),
        "latitude longitude lat lon lng latitud longitud coordinates coordenadas gps",
    ),
    "address": _kind(
        "personal",
        ("a postal address, or a part of one", "una dirección postal, o parte de ella"),
        "street postal_address home_address zip_code postcode postal_code direccion domicilio "
        "calle codigo_postal",
    ),
    "special": _kind(
        "sensitive",
        ("what law protects most: health, faith, origin", "lo más protegido: salud, fe, origen"),
        "diagnosis diagnostico disease enfermedad religion ethnicity etnia sexual_orientation "
        "disability discapacidad health_status trade_union sindicato",
    ),
}
FREE_TEXT = _kind(
    "personal",
    ("text that people wrote; it may name anybody", "texto libre; puede nombrar a cualquiera"),
    "comment comments notes remarks message comentario comentarios observaciones notas mensaje",
)
QUANTITY = ("a quantity in {unit}", "una cantidad en {unit}")
UNITS: Mapping[str, str] = {
    "eur": "EUR", "euros": "EUR", "usd": "USD", "gbp": "GBP", "kg": "kg", "km": "km",
    "kmh": "km/h", "ms": "ms", "seconds": "s", "segundos": "s", "minutes": "min",
    "minutos": "min", "hours": "h", "horas": "h", "days": "d", "dias": "d", "celsius": "°C",
    "percent": "%", "pct": "%", "porcentaje": "%", "kwh": "kWh", "meters": "m", "metros": "m",
}  # fmt: skip
# Kinds that a name alone must not say of numbers or of yes and no.
_BY_TEXT = frozenset({"email", "iban", "national_id", "ip", "person_name", "address", "secret"})
_BY_NAME = 0.55  # confidence in a name, where no value speaks for or against it
_WEAK_NAME = 0.35
_WEAK = frozenset({"name", "pan", "tarjeta", "direccion", "secret", "tel", "lat", "lon", "mail"})
_LONG_TEXT, _MANY_WORDS = 40, 5
_FEWEST = 3  # values that say something
_JOINED = 6  # letters of a name that is known inside of another
_LEAST = 0.3  # confidence of what is worth a question


def recognise(
    name: str, kind: str, values: Sequence[str], *, language: str = "en"
) -> Iterator[Guess]:
    """Yield what a column seems to hold, the most likely first.

    Args:
        name: the column's name.
        kind: number, category, time or bool, as the profile has it; "": none of these.
        values: a sample of its values as text, without missing ones.
        language: of the words: en or es.
    """
    guesses = [each for each in _guesses(name, kind, values, language) if each]
    yield from sorted(guesses, key=lambda each: (-each.confidence, each.kind))


def _guesses(name: str, kind: str, values: Sequence[str], language: str) -> Iterator[Guess | None]:
    spanish = language == "es"
    for called, one in KINDS.items():
        said = name_says(name, one.names)
        if said and called in _BY_TEXT and kind in {"number", "bool", "time"}:
            said = ""
        if said and called == "birth_date" and kind in {"bool", "number"}:
            said = ""
        share = _share(called, kind, values)
        confidence = _confidence(one, said, share)
        if confidence >= _LEAST:
            yield Guess(
                kind=called,
                meaning=one.meaning[spanish],
                sensitivity=one.sensitivity,
                confidence=confidence,
                evidence=_evidence(said, share, len(values), spanish=spanish),
            )
    yield _free_text(name, kind, values, spanish=spanish)
    yield _quantity(name, kind, spanish=spanish)


def name_says(name: str, known: Sequence[str]) -> str:
    """Return the known name that a column's name says, as one of its words or joined; "": none."""
    parts = parts_of(name)
    for one in known:
        wanted = one.split("_")
        size = len(wanted)
        if any(parts[at : at + size] == wanted for at in range(len(parts) - size + 1)):
            return one
        joined = "".join(wanted)
        if len(joined) >= _JOINED and joined in "".join(parts):
            return one
    return ""


def _share(called: str, kind: str, values: Sequence[str]) -> float | None:
    """Return the share of values that are of a kind; None: values can not show it."""
    check = CHECKS.get(called)
    texts = [value for value in values if value.strip()]
    if check is None or len(texts) < _FEWEST or kind in {"time", "bool"}:
        return None
    if called == "coordinates" and kind == "number":
        return None  # a number of the right size is anything
    return sum(check(text.strip()) for text in texts) / len(texts)


def _confidence(kind: Kind, said: str, share: float | None) -> float:
    by_name = (_WEAK_NAME if said in _WEAK else _BY_NAME) if said else 0.0
    if share is None:
        return by_name
    if share < kind.share:
        # Hidden or foreign values may still be such; where none is, the name is mistaken.
        return by_name * share / kind.share if share else 0.0
    return round(1 - (1 - by_name) * (1 - kind.trust * share), 2)


def _evidence(said: str, share: float | None, count: int, *, spanish: bool) -> str:
    parts = []
    if said:
        parts.append(f"su nombre dice {said!r}" if spanish else f"its name says {said!r}")
    if share is not None:
        parts.append(
            f"lo son el {share:.0%} de {count} valores"
            if spanish
            else f"{share:.0%} of {count} values are such"
        )
    return "; ".join(parts)


def _free_text(name: str, kind: str, values: Sequence[str], *, spanish: bool) -> Guess | None:
    if kind != "category" or len(values) < _FEWEST:
        return None
    said = name_says(name, FREE_TEXT.names)
    length = sum(map(len, values)) / len(values)
    words = sum(len(value.split()) for value in values) / len(values)
    is_long = length >= _LONG_TEXT and words >= _MANY_WORDS and len(set(values)) > len(values) / 2
    if not is_long:
        return None
    evidence = (
        f"{words:.0f} palabras por valor" if spanish else f"{words:.0f} words in a value on average"
    )
    return Guess(
        kind="free_text",
        meaning=FREE_TEXT.meaning[spanish],
        sensitivity=FREE_TEXT.sensitivity,
        confidence=0.8 if said else 0.6,
        evidence=evidence,
    )


def _quantity(name: str, kind: str, *, spanish: bool) -> Guess | None:
    unit = next((UNITS[part] for part in reversed(parts_of(name)) if part in UNITS), "")
    if kind != "number" or not unit:
        return None
    return Guess(
        kind="quantity",
        meaning=QUANTITY[spanish].format(unit=unit),
        sensitivity="",
        confidence=_BY_NAME,
        evidence=_evidence(unit, None, 0, spanish=spanish),
        unit=unit,
    )
