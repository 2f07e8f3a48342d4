"""A page that points nowhere is worse than no page: every relative link leads to a file."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_SKIPPED = frozenset({"node_modules", "_build", "generated"})
_FENCE = re.compile(r"^(`{3,}|~{3,}).*?^\1", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)|(?:src|href|srcset)=\"([^\"]+)\"")
_HEADING = re.compile(r"^#+\s+(.*)$", re.MULTILINE)


def _pages() -> list[Path]:
    return sorted(page for page in ROOT.rglob("*.md") if not _is_skipped(page))


def _is_skipped(page: Path) -> bool:
    """Tell whether a page was installed, cached or built, and not written here."""
    folders = page.relative_to(ROOT).parts[:-1]
    return any(name in _SKIPPED or name.startswith(".") for name in folders)


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", _pages(), ids=_name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    targets = {first or second for first, second in _LINK.findall(text)}
    dead = [target for target in sorted(targets)
            if not _is_elsewhere(target) and not _leads_somewhere(page, target)]  # fmt: skip
    assert dead == []


def _is_elsewhere(target: str) -> bool:
    return bool(re.match(r"[a-z][a-z0-9+.-]*:", target))


def _leads_somewhere(page: Path, target: str) -> bool:
    path, _, anchor = target.partition("#")
    file = page if not path else page.parent / path
    if not file.exists():
        return False
    return not anchor or file.suffix != ".md" or anchor in _anchors(file)


def _anchors(page: Path) -> set[str]:
    """Return the anchors that a page's headings get where Markdown is rendered."""
    headings = _HEADING.findall(_FENCE.sub("", page.read_text(encoding="utf-8")))
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()).strip() for heading in headings]
    return {heading.replace(" ", "-") for heading in plain}
