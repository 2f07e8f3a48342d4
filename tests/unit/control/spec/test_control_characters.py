import pytest

from bucle.base.errors import Invalid
from bucle.control.spec.load import parse_yaml


@pytest.mark.parametrize(
    ("text", "line"), [("a: 1\nb: \x08\n", 2), ("\x01", 1), ("é: 1\n\n\x0b", 3)]
)
def test_a_control_character_is_told_with_its_line(text, line) -> None:
    with pytest.raises(Invalid, match=f"bucle.yaml:{line}: not YAML: it holds the control"):
        parse_yaml(text, dict)
