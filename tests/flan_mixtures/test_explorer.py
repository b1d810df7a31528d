"""The explorer's page: its structure always, its behaviour in a real browser where one is installed."""

from __future__ import annotations

import dataclasses
import html.parser
import re
import shutil
import subprocess

import pytest

from flan_mixtures.explore.cut import cut
from flan_mixtures.explore.look import look, shares_of
from flan_mixtures.explore.page import page
from flan_mixtures.explore.treemap import Rectangle, squarified
from flan_mixtures.explore.view import View
from flan_mixtures.mixtures.mixture import Mixture
from flan_mixtures.rendering.compose import whitespace_tokens
from flan_mixtures.rendering.fit import Lengths

EVIL = "</pre><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"> {{cards}}"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture
def view(mine) -> View:
    """What the page shows of the test submixture, with prompts short enough that much is cut."""
    mixture = Mixture("mine_submix")
    encode = whitespace_tokens()
    return look(mixture, shown=40, counted=1000, lengths=Lengths(28, 16), encode=encode, unit="words")


def with_evil_data(view: View) -> View:
    """The same with markup in every text that comes from data or declarations."""
    task = dataclasses.replace(view.tasks[0], category=EVIL, licence=EVIL, cluster=EVIL)
    sample = view.samples[0]
    example = dataclasses.replace(sample.example, inputs=EVIL, targets=EVIL, row_id=EVIL)
    samples = (dataclasses.replace(sample, example=example), *view.samples[1:])
    return dataclasses.replace(view, tasks=(task, *view.tasks[1:]), samples=samples, source=EVIL)


class Elements(html.parser.HTMLParser):
    """Collects the elements of a page, and checks that what is opened is closed."""

    def __init__(self, text: str):
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open, f"not closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in ("meta", "input", "img"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop() == tag

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.found)


def test_the_page_is_well_formed_and_holds_every_task_and_every_sampled_example(view):
    text = page(view)
    elements = Elements(text)
    assert elements.count("article") == len(view.samples) > 20
    rows = [found for tag, found in elements.found if tag == "tr" and "data-here" in found]
    assert [found["data-here"] for found in rows] == ["1", "1", "0"]
    assert "ghost" in text
    assert "no file" in text  # why ghost is missing
    assert not re.search(r"\{\{[a-z_]+\}\}", text)


def test_the_page_refers_to_no_file_and_no_network(view):
    for tag, attributes in Elements(page(view)).found:
        assert tag not in ("link", "iframe", "img", "object", "embed", "base")
        assert "src" not in attributes
        assert not (attributes.get("href") or "#").lstrip().startswith(("http", "//", "data:", "javascript:"))
    assert "default-src 'none'" in page(view)
    assert "@import" not in page(view)
    assert "url(" not in page(view)


def test_markup_in_data_is_text_on_the_page(view):
    text = page(with_evil_data(view))
    elements = Elements(text)
    assert elements.count("script") == 1  # the page's own
    assert elements.count("img") == 0
    assert "&lt;script&gt;document.title" in text
    assert text.count("{{cards}}") >= 4  # and what looks like a placeholder stays as it is


def test_every_part_with_weight_is_sampled_before_any_is_sampled_twice():
    assert shares_of(4, [0.9, 0.05, 0.05, 0.0]) == [2, 1, 1, 0]
    assert shares_of(2, [0.1, 0.3, 0.6]) == [0, 1, 1]
    assert sum(shares_of(200, [0.31, 0.27, 0.21, 0.21])) == 200
    assert shares_of(103, [0.5, 0.3, 0.2]) == [51, 31, 21]


def test_the_counts_of_the_tasks_are_those_of_the_schedule(view, mine):
    by_name = {task.task: task for task in view.tasks}
    assert sum(task.examples for task in view.tasks) == 1000
    assert by_name["agrees"].rows == 60
    assert by_name["agrees"].epochs == by_name["agrees"].examples / 60
    assert by_name["ghost"].missing
    assert by_name["ghost"].got == 0 < by_name["ghost"].asked
    assert sum(task.got for task in view.tasks) == pytest.approx(1)


def test_what_the_page_says_was_cut_is_what_the_examples_lost(view):
    lost = view.losses
    for task, losses in lost.items():
        samples = [sample for sample in view.samples if sample.example.task == task]
        assert losses.dropped_shots == sum(sample.example.dropped_shots for sample in samples)
        assert losses.sampled == len(samples) + sum(losses.left_out.values())
    assert sum(losses.dropped_shots for losses in lost.values()) > 0
    shortened = [sample for sample in view.samples if sample.cuts]
    assert shortened, "the lengths of this test should force stories to be shortened"
    for sample in shortened:
        (each,) = sample.cuts
        assert each.field == "story"
        assert each.left_out
        assert each.left_out not in sample.example.inputs
    text = page(view)
    assert f"{shortened[0].cuts[0].left_out}</del>" in text


@pytest.mark.parametrize(
    ("policy", "kept", "left_out"),
    [
        ("head", "w7 w8 w9", "w0 w1 ... w3 w4 w5 w6"),
        ("tail", "w0 w1 ...", "w3 w4 w5 w6 w7 w8 w9"),
        ("middle", "w0 w1 ... w3 ... w8 w9", "w4 w5 w6 w7"),  # the text has an ellipsis of its own
        ("middle", "w0 ...", "w1 ... w3 w4 w5 w6 w7 w8 w9"),
        ("tail", "", "w0 w1 ... w3 w4 w5 w6 w7 w8 w9"),
    ],
)
def test_the_words_that_are_named_as_cut_are_those_that_are_not_shown(policy, kept, left_out):
    found = cut("field", "w0 w1 ...  w3 w4\nw5 w6 w7 w8 w9", policy, f"Before: {kept}\nafter")
    assert found.left_out == left_out
    assert found.words == 10


@pytest.mark.parametrize("values", [[40.0, 25.0, 13.0, 9.0, 8.0, 3.0, 1.5, 0.5], [10.0] * 10])
def test_fields_of_the_picture_have_their_share_of_the_area_and_stay_inside(values):
    placed = squarified(values, Rectangle(10, 20, 300, 200))
    for value, each in zip(values, placed, strict=True):
        assert each.width * each.height == pytest.approx(value / 100 * 300 * 200)
        assert each.x >= 10 - 1e-9
        assert each.x + each.width <= 310 + 1e-9
        assert each.y >= 20 - 1e-9
        assert each.y + each.height <= 220 + 1e-9
    for one in placed:
        for other in placed:
            if one is not other:
                across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
                down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
                assert min(across, down) < 1e-6, "fields overlap"


# Run in the page itself: what a visitor does, and what is then to be seen. The result goes into the page's title.
ACTIONS = """
<script>
window.addEventListener("load", () => {
  const shown = (selector) => [...document.querySelectorAll(selector)].filter((element) => !element.hidden);
  const set = (id, value) => {
    const element = document.getElementById(id);
    if (element.type === "checkbox") element.checked = value; else element.value = value;
    element.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const tasks = () => shown("#task-table tbody tr").map((row) => row.cells[0].textContent).join(" ");
  const said = [];
  set("task-search", "ghost");
  said.push(tasks());
  set("task-search", "");
  set("task-here", true);
  said.push(tasks());
  set("task-here", false);
  const epochs = [...document.querySelectorAll("#task-table thead button")].find((each) => each.textContent === "task");
  epochs.click();
  said.push(tasks());
  epochs.click();
  said.push(tasks());
  set("example-task", "tells");
  said.push(new Set(shown("#cards .card").map((card) => card.dataset.task)).size);
  set("example-cut", true);
  said.push(shown("#cards .card").every((card) => card.dataset.cut === "1") && shown("#cards .card").length > 0);
  document.querySelector(".treemap .task").dispatchEvent(new MouseEvent("click", { bubbles: true }));
  said.push(tasks());
  said.push(document.documentElement.scrollWidth <= window.innerWidth);
  said.push(window.failures);
  document.title = JSON.stringify(said);
});
</script>
"""
WATCH = "<script>window.failures = 0; window.addEventListener('error', () => { window.failures += 1; });</script>"


@pytest.fixture
def browser() -> str:
    """A Chromium; tests that need one skip where none is installed."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"needs one of {', '.join(BROWSERS)} to open the page in")
    return found


def dump(browser: str, text: str, folder, width: int) -> str:
    """Returns the page's document after its scripts have run in the browser."""
    (folder / "page.html").write_text(text, encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    flags += ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--dump-dom"]
    flags += [f"--user-data-dir={folder / 'profile'}", f"--window-size={width},900"]
    command = [browser, *flags, (folder / "page.html").as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.mark.parametrize("width", [1280, 500])
def test_search_sort_and_filters_work_in_a_browser_without_errors(browser, view, tmp_path, width):
    text = page(with_evil_data(view)).replace("<head>", "<head>" + WATCH).replace("</body>", ACTIONS + "</body>")
    title = re.search(r"<title>(.*?)</title>", dump(browser, text, tmp_path, width)).group(1)
    assert title == ('["ghost","agrees tells","agrees ghost tells","tells ghost agrees",1,true,"agrees",true,0]')


def test_the_page_itself_says_how_much_it_shows_once_its_script_has_run(browser, view, tmp_path):
    text = dump(browser, page(view), tmp_path, 1280)
    assert f"{len(view.tasks)} of {len(view.tasks)}" in text
    assert f"{len(view.samples)} of {len(view.samples)}" in text
