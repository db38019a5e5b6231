"""Reports made once, and a real browser to read them in; what is missing on a machine is a skip that says so."""

from __future__ import annotations

import contextlib
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from bayes_lupil import Arms, Cells, EndPoint, Trial, load_model, load_trial, reanalyse
from bayes_lupil.report import write_reanalysis
from bayes_lupil.report.reanalysis.contents import Contents

HERE = Path(__file__).parent
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
NASTY_SITES = ("<script>alert(1)</script>", "=1+1", "north\u202ehtron", "x" * 300)


@dataclass(frozen=True)
class Report:
    """A report on disk, and what it was made from."""

    contents: Contents
    folder: Path

    @property
    def page(self) -> Path:
        return self.folder / "report.html"


@dataclass
class Watched:
    """A page, and everything it did that a report must not do."""

    page: object
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)


def make_report(trial, folder):
    """Both models by quadrature, which takes a second."""
    from bayes_lupil.report import collect

    models = [load_model(name).edited(sampler__engine="quadrature") for name in ("site_effects", "itt_pooled")]
    result = reanalyse(trial, models, check_engines=False)
    assert result.ok
    contents = collect(result, sites=None)
    write_reanalysis(contents, folder)
    return Report(contents, folder)


@pytest.fixture(scope="session")
def ordinary(tmp_path_factory):
    """A real trial whose sites are known."""
    return make_report(load_trial("beitler_landis"), tmp_path_factory.mktemp("ordinary"))


@pytest.fixture(scope="session")
def nasty(tmp_path_factory):
    """A trial whose names are an attack, or just very long, and whose lower response is the good one."""
    responders = np.array([[7, 3], [5, 4], [6, 2], [8, 5]])
    n = np.array([[12, 11], [9, 10], [10, 10], [14, 13]])
    end_point = EndPoint("relapse", "Relapse", "lower")
    trial = Trial.from_cells(Cells(NASTY_SITES, responders, n), Arms("a<b", "$x"), end_point, "nasty", "A nasty trial")
    return make_report(trial, tmp_path_factory.mktemp("nasty"))


@pytest.fixture(params=["ordinary", "nasty"])
def report(request):
    """Either report."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium. Not for the whole session: while Playwright runs, no other test may use asyncio."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("Chromium is not installed: make browser, as root")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def axe():
    """The source of axe-core, in the version that package.json names."""
    folder = HERE / "node_modules" / "axe-core"
    if not (folder / "axe.min.js").is_file():
        pytest.skip("axe-core is not installed: make browser (needs npm)")
    wanted = json.loads((HERE / "package.json").read_text())["devDependencies"]["axe-core"]
    assert json.loads((folder / "package.json").read_text())["version"] == wanted, "make browser renews it"
    return (folder / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture
def visit(browser):
    """visit(file, width, height, **options of the context): a page that is loaded and watched."""
    with contextlib.ExitStack() as stack:

        def opened(file, width=1440, height=900, **options):
            context = browser.new_context(viewport={"width": width, "height": height}, **options)
            stack.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(20_000)
            seen = Watched(page)
            context.on("request", lambda request: seen.requests.append(request.url))
            page.on("websocket", lambda socket: seen.requests.append(socket.url))
            page.on("pageerror", lambda error: seen.errors.append(str(error)))
            page.on("console", lambda said: said.type in ("error", "warning") and seen.errors.append(said.text))
            page.on("dialog", lambda dialog: (seen.dialogs.append(dialog.message), dialog.dismiss()))
            page.goto(file.as_uri(), wait_until="load")
            return seen

        yield opened
