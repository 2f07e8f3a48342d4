"""Write workbooks of Excel's format by hand: with what no library for writing lets one write."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

_RELS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_CONTENT = "http://schemas.openxmlformats.org/package/2006/content-types"
_SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
_TYPES = f"""<Types xmlns="{_CONTENT}"><Default Extension="xml" ContentType="application/xml"/>
<Override PartName="/xl/workbook.xml" ContentType="{_SHEET}"/></Types>"""
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
# Styles: 0 plain, 1 a day, 2 a moment.
_STYLES = f"""<styleSheet xmlns="{_MAIN}"><cellXfs count="3"><xf numFmtId="0"/>
<xf numFmtId="14" applyNumberFormat="1"/><xf numFmtId="22" applyNumberFormat="1"/></cellXfs>
</styleSheet>"""

Cell = str | float | None


def error(text: str) -> str:
    return f"!e{text}"


def formula(value: float | None) -> str:
    return f"!f{'' if value is None else value}"


def day(number: float) -> str:
    return f"!d{number}"


def moment(number: float) -> str:
    return f"!m{number}"


def write_workbook(
    path: Path, sheets: Mapping[str, Sequence[Sequence[Cell]]], *, merged: str = ""
) -> Path:
    """Write sheets of cells; a text that begins with `!` is one of the cells above."""
    with zipfile.ZipFile(path, "w") as book:
        book.writestr("[Content_Types].xml", _TYPES)
        book.writestr("_rels/.rels", _links([("officeDocument", "xl/workbook.xml")]))
        names = [f"worksheets/sheet{place}.xml" for place, _ in enumerate(sheets)]
        links = [*(("worksheet", name) for name in names), ("styles", "styles.xml")]
        book.writestr("xl/_rels/workbook.xml.rels", _links(links))
        entries = "".join(
            f'<sheet name="{name}" sheetId="{place + 1}" r:id="r{place}"/>'
            for place, name in enumerate(sheets)
        )
        book.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{entries}</sheets></workbook>',
        )
        book.writestr("xl/styles.xml", _STYLES)
        for name, rows in zip(names, sheets.values(), strict=True):
            book.writestr(f"xl/{name}", _sheet(rows, merged))
    return path


def _links(links: Sequence[tuple[str, str]]) -> str:
    inside = "".join(
        f'<Relationship Id="r{place}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for place, (kind, target) in enumerate(links)
    )
    return f'<Relationships xmlns="{_RELS}">{inside}</Relationships>'


def _sheet(rows: Sequence[Sequence[Cell]], merged: str) -> str:
    inside = "".join(
        f'<row r="{number}">'
        + "".join(_cell(f"{chr(65 + place)}{number}", cell) for place, cell in enumerate(row))
        + "</row>"
        for number, row in enumerate(rows, start=1)
    )
    tail = f'<mergeCells><mergeCell ref="{merged}"/></mergeCells>' if merged else ""
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{inside}</sheetData>{tail}</worksheet>'


def _cell(address: str, cell: Cell) -> str:
    if cell is None:
        return ""
    if not isinstance(cell, str):
        kind = ' t="b"' if isinstance(cell, bool) else ""
        return f'<c r="{address}"{kind}><v>{float(cell):g}</v></c>'
    value = cell[2:]
    inside = {
        "!e": f' t="e"><v>{value}</v>',
        "!f": f"><f>1+1</f>{f'<v>{value}</v>' if value else ''}",
        "!d": f' s="1"><v>{value}</v>',
        "!m": f' s="2"><v>{value}</v>',
    }.get(cell[:2], f' t="inlineStr"><is><t>{cell}</t></is>')
    return f'<c r="{address}"{inside}</c>'
