import pytest

from bucle.lifecycle.data.catalog.values import CHECKS


@pytest.mark.parametrize(
    ("kind", "value", "is_such"),
    [
        ("email", "ana.ruiz+x@example.co.uk", True),
        ("email", "ana@host", False),
        ("email", "a b@example.org", False),
        ("card", "4111 1111 1111 1111", True),
        ("card", "4111111111111112", False),
        ("card", "0000000000000000", False),
        ("card", "5555-5555-5555-4444", True),
        ("iban", "ES91 2100 0418 4502 0005 1332", True),
        ("iban", "GB82WEST12345698765432", True),
        ("iban", "ES9121000418450200051333", False),
        ("national_id", "12345678Z", True),
        ("national_id", "12345678A", False),
        ("national_id", "X1234567L", True),
        ("national_id", "y0000000z", True),
        ("ip", "192.168.0.1", True),
        ("ip", "2001:db8::1", True),
        ("ip", "1.2.3.400", False),
        ("ip", "12345", False),
        ("coordinates", "40.4168, -3.7038", True),
        ("coordinates", "140.4168, -3.7038", False),
        ("coordinates", "1.5, 2.5", False),
        ("phone", "+34 600 123 456", True),
        ("phone", "0044 20 7946 0958", True),
        ("phone", "600123456", True),
        ("phone", "123456789", False),
        ("phone", "2026-11-28", False),
        ("person_name", "María del Carmen", True),
        ("person_name", "Widget 3000", False),
    ],
)
def test_a_value_is_known_by_its_characters_and_its_check_digit(kind, value, is_such) -> None:
    assert CHECKS[kind](value) is is_such
