import pytest

from bucle.interfaces.client.generate import FOLDER, generate

FILES = generate()


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_generated_room_is_current(name) -> None:
    written = (FOLDER / name).read_text(encoding="utf-8") if (FOLDER / name).exists() else ""
    assert written == FILES[name], "type: python -m bucle.interfaces.client.generate"


def test_no_room_is_left_that_has_no_operations() -> None:
    assert {path.name for path in FOLDER.glob("*.py")} == set(FILES)
