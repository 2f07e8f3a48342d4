"""The page of the model server's addresses: each line is typed, and no address is left out."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.readme import ROOT
from tests.support.model_server import model_server

PAGE = ROOT / "docs" / "howto" / "model-server-routes.md"
ROUTES = ROOT / "bucle" / "interfaces" / "predict" / "routes"
_BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
_METHODS = {"GET", "HEAD", "POST", "PUT", "DELETE"}


def lines() -> list[str]:
    blocks = _BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    return [line[2:] for block in blocks for line in block.splitlines() if line[:2] == "$ "]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with model_server(tmp_path_factory.mktemp("routes")) as address:
        yield address


def test_every_line_of_the_page_is_answered(url: str, subtests: pytest.Subtests) -> None:
    assert lines()
    for line in lines():
        with subtests.test(line[:120]):
            typed = line.replace("localhost:8001", url.partition("//")[2])
            typed = typed.replace("curl -s", "curl -sS -w '\\n%{http_code}'")
            ran = subprocess.run(
                ["bash", "-c", typed], capture_output=True, text=True, check=False, timeout=30
            )
            body, _, status = ran.stdout.rpartition("\n")
            assert (ran.returncode, status) == (0, "200"), f"{body}\n{ran.stderr}"


def test_no_address_of_the_server_is_left_out() -> None:
    typed = " ".join(lines())
    shown = set(re.split(r"[/?\s'&]+", typed))
    files = sorted(ROUTES.glob("*.py"))
    words = {word for file in files for word in addresses(file)}
    assert {"predict", "explain", "invocations", "metrics", "infer", "repository"} <= words
    assert words - shown == set()


def addresses(file: Path) -> Iterator[str]:
    """Yield the fixed parts of the addresses that a room of routes matches."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    cases = [node.pattern for node in ast.walk(tree) if isinstance(node, ast.match_case)]
    for part in (part for case in cases for part in ast.walk(case)):
        word = getattr(part.value, "value", None) if isinstance(part, ast.MatchValue) else None
        if isinstance(word, str) and word not in _METHODS:
            yield word
