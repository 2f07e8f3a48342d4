"""What is the git program's own; the laws are in `bucle.testing.contracts.git`."""

from pathlib import Path

import pytest

from bucle.base.errors import NotInstalled
from bucle.drivers import git


def test_without_the_git_program_the_hint_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotInstalled) as caught:
        git.find_root(tmp_path)
    assert "git" in caught.value.hint
