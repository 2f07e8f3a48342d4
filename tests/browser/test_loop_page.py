import pytest
from playwright.sync_api import Page, expect

from tests.support.turning import PROJECT, commit

WINDOWS = {"wide": (1440, 900), "narrow": (390, 844)}


def test_a_person_signs_in_by_the_link_and_sees_the_loop(open_page) -> None:
    page = open_page()
    expect(page.get_by_role("heading", level=1)).to_have_text(PROJECT)
    expect(page.locator(".stage")).to_have_count(10)
    expect(page.locator("#ring")).to_contain_text("canary v2 at 25%")
    expect(page.locator("#monitoring svg.chart")).to_be_visible()


def test_a_wrong_token_leads_back_to_the_form(open_page, running) -> None:
    page = open_page()
    page.context.clear_cookies()
    page.goto(f"{running.url}/{PROJECT}")
    page.get_by_label("Access token").fill("bucle_wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("not valid")


def test_the_page_works_without_javascript(open_page) -> None:
    page = open_page(java_script_enabled=False)
    expect(page.locator("#monitoring svg.chart")).to_be_visible()
    expect(page.locator("#traffic .split").first).to_be_visible()
    page.get_by_role("button", name="I look after it").click()
    expect(page.locator("#alerts")).to_contain_text("looks after it")
    page.get_by_role("link", name="demand", exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("demand")


def test_a_new_event_appears_without_a_reload(open_page, house) -> None:
    page = open_page()
    page.evaluate("window.kept = 'the same document'")
    commit(house.session(), 400)
    expect(page.locator("#feed")).to_contain_text("400 in all", timeout=15_000)
    expect(page.locator("#data")).to_contain_text("400 hours")
    assert page.evaluate("window.kept") == "the same document"


def test_what_did_not_change_is_not_touched_by_an_update(open_page, house) -> None:
    page = open_page()
    page.evaluate("document.querySelector('#charter').kept = true")
    page.get_by_role("link", name="All events").focus()
    commit(house.session(), 401)
    expect(page.locator("#feed")).to_contain_text("401 in all", timeout=15_000)
    assert page.evaluate("document.querySelector('#charter').kept") is True
    assert page.evaluate("document.activeElement.textContent") == "All events"


def test_a_hidden_page_asks_for_nothing(open_page) -> None:
    page = open_page()
    page.evaluate("""() => {
        Object.defineProperty(document, 'hidden', {get: () => true});
        document.dispatchEvent(new Event('visibilitychange'));
        window.asked = 0;
        const real = window.fetch;
        window.fetch = (...all) => { window.asked += 1; return real(...all); };
    }""")
    page.wait_for_timeout(3000)
    assert page.evaluate("window.asked") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("window", WINDOWS)
def test_the_page_fits_its_window_and_is_worth_looking_at(
    open_page, artifacts, window, scheme
) -> None:
    width, height = WINDOWS[window]
    said: list[str] = []
    page: Page = open_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    page.on("console", lambda message: said.append(message.text))
    page.reload()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert said == []
    page.screenshot(path=artifacts / f"loop-{window}-{scheme}.png", full_page=True)


@pytest.mark.parametrize("place", ["models/demand", "models/demand@2", "datasets/rentals", "runs",
                                   "events", "predictions", "deployments/demand"])  # fmt: skip
def test_every_other_page_fits_a_narrow_window(open_page, running, artifacts, place) -> None:
    page = open_page(viewport={"width": 390, "height": 844})
    page.goto(f"{running.url}/{PROJECT}/{place}")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.screenshot(path=artifacts / f"{place.replace('/', '-')}.png", full_page=True)


def test_the_tongue_can_be_changed(open_page) -> None:
    page = open_page()
    page.get_by_role("link", name="ES", exact=True).click()
    expect(page.locator("html")).to_have_attribute("lang", "es")
    expect(page.locator("#ring")).to_contain_text("Despliegues")


def test_text_stands_out_from_its_ground(open_page) -> None:
    for scheme in ("light", "dark"):
        page = open_page(color_scheme=scheme)
        assert page.evaluate(CONTRAST) == []


# The words of the page whose contrast is below the 4.5 of WCAG 2.2 AA; 3 for large ones.
CONTRAST = """() => {
  const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => {
    v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  }).reduce((sum, v, place) => sum + v * [0.2126, 0.7152, 0.0722][place], 0);
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const color = getComputedStyle(node).backgroundColor;
      const [r, g, b, a = 1] = parse(color);
      if (!color.startsWith("color") && a > 0.95) return [r, g, b];
    }
    return null;
  };
  const bad = new Set();
  for (const node of document.querySelectorAll("p, span, b, a, td, th, h1, h2, h3, dt, dd, li")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    const style = getComputedStyle(node);
    if (!own || !node.offsetParent || node.matches(".sr, .skip")) continue;
    const under = ground(node);
    if (!under) continue;
    const [a, b] = [light(parse(style.color)), light(under)].sort((x, y) => y - x);
    const large = parseFloat(style.fontSize) >= 24;
    if ((a + 0.05) / (b + 0.05) < (large ? 3 : 4.5)) {
      bad.add(`${node.className || node.tagName}: ${style.color} on ${under}`);
    }
  }
  return [...bad];
}"""
