import base64
import gzip
import io
import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genexp.report.page import render_report
from genexp.verdict.seeds import Seeds
from tests.small_evaluation import make_evaluation

SECTIONS = (
    "verdict",
    "maps",
    "clusters",
    "label",
    "heads",
    "batch_effects",
    "terms",
    "outcomes",
    "survival",
    "genes",
    "novelty",
    "attribution",
    "enrichment",
    "seeds",
    "methods",
    "downloads",
)
EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&"
VOID = {"meta", "input", "img", "br"}


class Page(HTMLParser):
    """Elements of a page, and whether they nest."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "script" not in self.open and "style" not in self.open:
            self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def html() -> str:
    return render_report(make_evaluation())


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_every_section_is_there_and_the_verdict_comes_first(page: Page) -> None:
    assert tuple(section["id"] for section in page.all("section")) == SECTIONS
    words = " ".join(page.words)
    assert "reconstruction better than PCA, clustering worse than PCA" in words
    assert words.index("compared with PCA of as many components") < words.index(
        "2-D embeddings of the latents"
    )


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"labels": ()}, "No label was given"),
        ({"survival": False}, "No survival was given"),
        ({"labels": tuple(f"type {i}" for i in range(33)), "k": 10, "n_samples": 400}, "type 32"),
        ({"k": 1}, "no log-rank test"),
    ],
)
def test_what_is_missing_is_said_and_the_sections_stay(settings: dict, said: str) -> None:
    page = Page(render_report(make_evaluation(**settings)))
    assert tuple(section["id"] for section in page.all("section")) == SECTIONS
    assert said in " ".join(page.words)


def test_nothing_is_loaded_from_elsewhere(page: Page) -> None:
    for tag, attributes in page.elements:
        for name in ("src", "href", "action", "data", "srcset", "poster"):
            assert re.match(r"data:|#", attributes.get(name) or "#"), (tag, name)
    policy = next(
        meta["content"]
        for meta in page.all("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    )
    assert "default-src 'none'" in str(policy)
    assert "http" not in str(policy)


def test_plotly_is_there_once_and_told_to_send_nothing(html: str) -> None:
    assert len(re.findall(r"\* plotly\.js v\d", html)) == 1
    assert "showSendToCloud: false" in html
    own = (Path(__file__).parents[2] / "genexp" / "report" / "report.js").read_text()
    assert not re.search(r"localStorage|sessionStorage|cookie|fetch\(|XMLHttpRequest", own)


def test_page_is_accessible_as_far_as_its_structure_tells(page: Page) -> None:
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("title")) == len(page.all("main")) == len(page.all("h1")) == 1
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(header.get("scope") in ("col", "row") for header in page.all("th"))
    assert all(image["alt"] for image in page.all("img"))
    assert all(place["aria-label"] for place in page.all("div") if place.get("role") == "group")
    names = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(names) == len(set(names))
    assert page.open == []


def test_user_texts_are_escaped_everywhere() -> None:
    evaluation = make_evaluation(labels=(EVIL, "b"))
    evaluation.summary["cohort"] = EVIL  # type: ignore[index]
    evaluation.results["embeddings"].coordinates.index = [
        EVIL,
        *evaluation.results["embeddings"].coordinates.index[1:],
    ]
    evaluation.results["reconstruction"].genes.index = [
        EVIL,
        *evaluation.results["reconstruction"].genes.index[1:],
    ]
    html = render_report(evaluation)
    page = Page(html)
    assert EVIL not in html
    assert len(page.all("script")) == 3
    assert all(image.get("id", "").endswith("-still") for image in page.all("img"))  # type: ignore[union-attr]
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)


def read_data(html: str) -> dict:
    return json.loads(html.split('id="page-data">')[1].split("</script>", maxsplit=1)[0])


def test_maps_hold_each_sample_once_with_its_label_cluster_and_part(html: str) -> None:
    samples, table = read_data(html)["samples"], make_evaluation().results["embeddings"].coordinates
    assert samples["ids"] == table.index.tolist()
    assert samples["parts"] == table["part"].tolist()
    label, cluster = samples["groups"]["label"], samples["groups"]["cluster"]
    assert [label["names"][code] for code in label["codes"]] == table["label"].astype(
        object
    ).fillna("(unlabelled)").tolist()
    assert [cluster["names"][code] for code in cluster["codes"]] == table["cluster"].astype(
        str
    ).tolist()
    for name in ("tsne", "umap", "pca"):
        assert samples["maps"][name]["x"] == pytest.approx(table[f"{name}_1"].tolist(), abs=1e-3)


def test_tables_come_back_from_their_links() -> None:
    evaluation = make_evaluation(n_genes=3000)
    links = {
        link["download"]: str(link["href"])
        for link in Page(render_report(evaluation)).all("a")
        if "download" in link
    }
    assert {name.split(".")[0] for name in links} == set(evaluation.tables)
    verdict = base64.b64decode(links["verdict.tsv"].split(",")[1])
    assert (
        pd.read_csv(io.BytesIO(verdict), sep="\t")["task"].tolist()
        == evaluation.comparison.rows["task"].tolist()
    )
    genes = gzip.decompress(base64.b64decode(links["reconstruction_genes.tsv.gz"].split(",")[1]))
    read = pd.read_csv(io.BytesIO(genes), sep="\t", index_col=0)
    pd.testing.assert_frame_equal(
        read,
        evaluation.results["reconstruction"].genes,
        rtol=1e-5,
        check_names=False,
        check_dtype=False,
    )


def test_page_of_ten_thousand_samples_and_twenty_thousand_genes_stays_below_8_mb() -> None:
    evaluation = make_evaluation(n_samples=10_000, n_genes=20_531)
    latents = pd.DataFrame(
        np.random.default_rng(0).normal(size=(10_000, 100)), index=evaluation.latents.index
    )
    html = render_report(replace(evaluation, latents=latents))
    assert len(html.encode()) < 8_000_000
    assert "too large for this page" in html
    assert 'download="cox.tsv"' in html


@pytest.mark.server
@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium on this machine")
def test_a_browser_draws_every_plot_without_complaint(html: str, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(html, encoding="utf-8")
    switches = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
        "--disable-background-networking"
    )
    switches += (
        f" --disable-component-update --disable-sync --user-data-dir={tmp_path}/profile "
        "--virtual-time-budget=10000"
    )
    command = [
        "chromium",
        *switches.split(),
        "--enable-logging=stderr",
        "--dump-dom",
        f"file://{file}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert "CONSOLE" not in done.stderr
    drawn = re.findall(r'<div class="plot js-plotly-plot" id="([\w-]+)"', done.stdout)
    expected = {
        "map-tsne",
        "map-umap",
        "map-pca",
        "plot-composition",
        "plot-choice",
        "plot-confusion",
        "plot-kaplan_meier",
        "plot-genes",
    }
    expected |= {"plot-risk_groups"}
    assert set(drawn) == expected
    stills = re.findall(r'id="[\w-]+-still" alt="[^"]*" src="data:image', done.stdout)
    assert len(stills) == len(expected)


def find_violations(html: str, width: int, folder: Path) -> list[str]:
    """Serious and critical violations that axe-core finds in a page as a window of ``width`` pixels
    shows it.
    """
    axe = (files(pytest.importorskip("axe_core_python")) / "axe.min.js").read_text(encoding="utf-8")
    look = """addEventListener("load", () => setTimeout(async () => {
      const place = document.createElement("pre");
      const found = (await axe.run(document)).violations.filter((one) => ["serious", "critical"].includes(one.impact));
      place.textContent = "axe:" + btoa(JSON.stringify(found.map((one) => `${one.id}: ${one.nodes.map((node) => node.target)}`)));
      document.body.append(place);
    }, 1000))"""  # noqa: E501
    file = folder / "axe.html"
    file.write_text(
        html.replace("</body>", f"<script>{axe}</script><script>{look}</script></body>"),
        encoding="utf-8",
    )
    switches = (
        "--headless --no-sandbox --disable-gpu --no-first-run "
        f"--user-data-dir={folder}/axe-profile --virtual-time-budget=60000"
    )
    switches += f" --window-size={width},900"
    command = ["chromium", *switches.split(), "--dump-dom", f"file://{file}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=True)
    return json.loads(base64.b64decode(re.findall(r"<pre>axe:([\w+/=]*)</pre>", done.stdout)[-1]))


@pytest.mark.server
@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium on this machine")
@pytest.mark.parametrize("width", [1280, 500])
def test_page_passes_an_accessibility_check(html: str, width: int, tmp_path: Path) -> None:
    assert find_violations(html, width, tmp_path) == []
    nameless = html.replace("</main>", '<img src="data:,"></main>')
    assert [one.split(":")[0] for one in find_violations(nameless, width, tmp_path)] == [
        "image-alt"
    ]


def test_scores_of_several_seeds_are_told_from_those_of_the_registered_one() -> None:
    scores = pd.DataFrame(
        {"registered": [False, True], "r2": [0.4, 0.5]}, index=pd.Index([3, 4], name="seed")
    )
    seeds = Seeds(
        scores, pd.DataFrame({"rho_seeds": [], "top_seeds": []}), {"r2": "r2/test"}, {"r2": "R2"}
    )
    words = " ".join(Page(render_report(replace(make_evaluation(), seeds=seeds))).words)
    assert "Scores of the verdict are means over 2 seeds" in words
    assert "registered, that of seed 4" in words


def test_settings_of_other_kinds_and_what_is_undefined_are_not_shown_as_numbers() -> None:
    evaluation = make_evaluation()
    evaluation.summary["card"]["config"] = {
        "kind": "sparse",
        "sparsity_weight": "0.02",
        "beta": "7",
    }
    evaluation.summary["card"]["cohort_settings"] = {"where": "cohort == 'LUAD'"}
    evaluation.comparison.rows.loc[0, ["baseline_score", "difference", "low", "high"]] = np.nan
    words = " ".join(Page(render_report(evaluation)).words)
    assert "encoder: sparsity_weight" in words
    assert "encoder: beta" not in words
    assert "cohort == 'LUAD'" in words
    assert not re.search(r"\bnan\b", words)
