import pytest
from playwright.sync_api import Page, expect

from bucle.base.refs import Ref
from bucle.governance.tasks.change import open_task
from bucle.governance.tasks.records import NewTask
from bucle.lifecycle import data
from tests.support.turning import PROJECT


@pytest.fixture(scope="module")
def described(house) -> None:
    """Say of the dataset what a catalogue says, and leave something to do."""
    with house.session().begin() as scope:
        said = data.Description(
            owner="ana", description="Cada alquiler por horas", licence="CC-BY-4.0",
            fresh_within="1d", tags=("bikes", "hourly"),
            links={"wiki": "https://wiki.example/rentals"},
        )  # fmt: skip
        data.describe(scope, "rentals", said)
        data.describe_column(scope, "rentals", "city", meaning="where", sensitivity="personal")
        terms = data.Terms(fresh_within="1d", notice="7d")
        data.propose_contract(scope, data.Offer(dataset="rentals", producer="feed", terms=terms))
        data.accept_contract(scope, "rentals", side="producer")
        new = NewTask(kind="contract.late", about=Ref("dataset", "rentals"), receiver="feed",
                      why="rentals are two days old", todo="deliver them")  # fmt: skip
        open_task(scope, new)


@pytest.mark.parametrize("width", [1440, 390])
def test_a_dataset_shows_what_the_catalogue_says(
    open_page, running, artifacts, described, width
) -> None:
    page: Page = open_page(viewport={"width": width, "height": 900})
    page.goto(f"{running.url}/{PROJECT}/datasets/rentals")
    expect(page.locator("#catalog")).to_contain_text("CC-BY-4.0")
    expect(page.locator("#contract")).to_contain_text("in force")
    expect(page.locator("#contract")).to_contain_text("rentals are two days old")
    expect(page.locator("table.columns")).to_contain_text("where")
    expect(page.locator("#usage")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.screenshot(path=artifacts / f"catalog-{width}.png", full_page=True)


@pytest.mark.parametrize("width", [1440, 390])
def test_a_search_marks_what_it_found_and_leads_there(
    open_page, running, artifacts, described, width
) -> None:
    page: Page = open_page(viewport={"width": width, "height": 900})
    page.goto(f"{running.url}/{PROJECT}/search")
    page.get_by_role("searchbox").fill("alquileres hora")
    page.get_by_role("button", name="Search").click()
    expect(page.locator(".found mark").first).to_have_text("alquiler")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.screenshot(path=artifacts / f"search-{width}.png", full_page=True)
    page.get_by_role("link", name="rentals", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("rentals")


def test_the_search_is_told_in_spanish_and_takes_any_text(open_page, running, described) -> None:
    page: Page = open_page()
    page.goto(f"{running.url}/{PROJECT}/search?lang=es&q=%22%3E%3Cscript%3E")
    expect(page.get_by_role("button", name="Buscar")).to_be_visible()
    expect(page.locator("main")).to_contain_text("No se encontró nada")
    assert page.locator("main script").count() == 0
