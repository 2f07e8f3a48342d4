"""Tell by its characters what a value is: an address, a card, an account, a person's number.

Pure, and strict: where there is a check digit or letter it must be right, so that any nine digits
are no telephone number and any sixteen no card.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping

from bucle.governance.search.words import fold

_EMAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[A-Za-z]{2,}")
_PHONE = re.compile(r"(?:\+|00)[1-9][0-9 .()/-]{6,18}[0-9]|[6789][0-9]{2}[ .-]?(?:[0-9][ .-]?){6}")
_CARD = re.compile(r"[2-6][0-9]{3}(?:[ -]?[0-9]){9,15}")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}")
_DNI = re.compile(r"([0-9]{8}|[XYZ][0-9]{7})[ -]?([A-Z])")
_PLACE = re.compile(r"(-?[0-9]{1,2}\.[0-9]{3,}) *[,;] *(-?[0-9]{1,3}\.[0-9]{3,})")
_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"  # of a DNI, by the number modulo 23
_LATITUDE, _LONGITUDE = 90.0, 180.0
_COMMON_NAMES = (
    "adrian alba alberto alejandra alejandro alice alvaro amelia amy ana andrea andrew angel "
    "angela anna anne antonio ava barbara beatriz ben brian carla carlos carmen carol carolina "
    "charles charlotte christina christopher clara claudia cristina daniel david diana diego "
    "dolores donna dorothy edward elena elizabeth ella emily emma enrique esther eva fatima "
    "fernando francisca francisco gabriel george grace guillermo hannah harry helen henry hugo "
    "ines irene isabel isla jack jacob jaime james jane javier jennifer jesus jim joaquin john "
    "jorge jose joseph josefa juan juana julia julio karen kevin laura leo lewis linda lisa lola "
    "lucas lucia luis luisa manuel manuela marcos margaret maria marina mario mark marta martin "
    "mary mateo matthew mercedes michael miguel monica nancy nicolas noah nora nuria oliver "
    "olivia oscar pablo patricia paul paula pedro pilar rafael ramon raquel raul richard robert "
    "roberto rocio rosa ruben ruth samuel sandra santiago sara sarah sergio silvia sofia sophia "
    "sophie sonia susan teresa thomas tomas vicente victor victoria william"
)
_NAMES = frozenset(_COMMON_NAMES.split())


def is_email(text: str) -> bool:
    """Tell whether a text is an e-mail address."""
    return _EMAIL.fullmatch(text) is not None


def is_phone(text: str) -> bool:
    """Tell whether a text is an international telephone number, or a Spanish one."""
    return _PHONE.fullmatch(text) is not None


def is_card(text: str) -> bool:
    """Tell whether a text is a number of a payment card, by Luhn's check digit."""
    if not _CARD.fullmatch(text):
        return False
    digits = [int(one) for one in text if one.isdigit()]
    if len(set(digits)) == 1:
        return False
    doubled = (sum(divmod(2 * one, 10)) for one in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def is_iban(text: str) -> bool:
    """Tell whether a text is an account's IBAN, by its check digits (ISO 7064, 97-10)."""
    if not _IBAN.fullmatch(text):
        return False
    packed = text.replace(" ", "")
    moved = packed[4:] + packed[:4]
    return int("".join(str(int(one, 36)) for one in moved)) % 97 == 1


def is_national_id(text: str) -> bool:
    """Tell whether a text is a Spanish DNI or NIE, by its check letter."""
    found = _DNI.fullmatch(text.upper())
    if not found:
        return False
    number = found.group(1).translate(str.maketrans("XYZ", "012"))
    return _LETTERS[int(number) % 23] == found.group(2)


def is_ip(text: str) -> bool:
    """Tell whether a text is an IP address."""
    if "." not in text and ":" not in text:
        return False
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_place(text: str) -> bool:
    """Tell whether a text is a latitude and a longitude."""
    found = _PLACE.fullmatch(text)
    if not found:
        return False
    return abs(float(found[1])) <= _LATITUDE and abs(float(found[2])) <= _LONGITUDE


def is_person(text: str) -> bool:
    """Tell whether a text begins with a first name that is common in English or Spanish."""
    words = text.split()
    most = 5
    return 1 <= len(words) <= most and fold(words[0].strip(".,")) in _NAMES


CHECKS: Mapping[str, Callable[[str], bool]] = {
    "email": is_email,
    "card": is_card,
    "iban": is_iban,
    "national_id": is_national_id,
    "ip": is_ip,
    "coordinates": is_place,
    "phone": is_phone,
    "person_name": is_person,
}
