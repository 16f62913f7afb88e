"""Reports: what they hold, that they repeat, that nothing from users leaves its place, and how they look in a browser."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import mmtoolkit as mm
from mmtoolkit._html import escape
from mmtoolkit._text import escape_markdown
from mmtoolkit.reporting import code, sidecar
from mmtoolkit.reporting.as_html import block_html, page
from mmtoolkit.reporting.as_markdown import block_markdown
from mmtoolkit.reporting.blocks import Code, Drawing, Gallery, Groups, Key, Keys, Note, Remarks, Section, Table, Words
from mmtoolkit.reporting.code import as_python
from mmtoolkit.reporting.record import figures, rounded, seal
from mmtoolkit.verification.reading import read_report

EVIL = '</script><script>alert("x")</script><img src=x onerror=alert(1)> `code` | [link](javascript:alert(1)) $x$'
BLOCKS = [
    Words(EVIL),
    Note(EVIL),
    Remarks([EVIL]),
    Keys([Key(EVIL, EVIL, EVIL)]),
    Table(pd.DataFrame({EVIL: [EVIL, None], "n": [0.5, np.nan]}, index=[EVIL, "b"]), EVIL, shares=("n",)),
    Code(EVIL),
]


@pytest.fixture(scope="module")
def results(stamps):
    names = [f"group {i} {EVIL}" for i in range(5)]
    return mm.classify(stamps, cv=3), mm.cluster(stamps, 5).named(names), mm.project(stamps, method="pca")


@pytest.fixture(scope="module")
def rep(results):
    return mm.report(*results, title=f"Stamps {EVIL}")


@pytest.fixture(scope="module")
def html(rep):
    return rep.to_html()


def test_json_holds_recipe_items_results_environment_and_run(rep, tmp_path, stamps):
    data = json.loads(rep.save(tmp_path / "report.json").read_text("utf-8"))

    assert list(data) == [
        "format",
        "version",
        "title",
        "tolerance",
        "recipe",
        "items",
        "results",
        "environment",
        "seals",
        "run",
    ]
    assert [step["name"] for step in data["recipe"]["steps"]] == ["classify", "classify_slices", "cluster", "project"]
    assert data["recipe"]["sources"]["emb"]["made_by"] == {
        "verb": "load_dataset",
        "file": None,
        "params": {"name": "stamps"},
        "n_items": 756,
    }
    assert data["items"]["emb"]["id"] == stamps.ids.tolist()
    assert data["items"]["emb"]["content_key"] == stamps.content_keys.tolist()
    assert data["items"]["emb"]["columns"]["label"] == stamps.items["label"].tolist()
    sealed = ("title", "tolerance", "recipe", "items", "results", "environment")
    tables = figures(data["results"])
    assert data["seals"] == {**{name: seal(data[name]) for name in sealed}, **{n: seal(t) for n, t in tables.items()}}
    assert {"classify.metrics", "cluster.labels", "project.coords"} <= set(tables)
    assert set(data["run"]) == {"time", "seconds", "usage", "items_folder"}


def test_json_names_no_absolute_path(rep, tmp_path):
    text = rep.save(tmp_path / "report.json").read_text("utf-8")

    assert os.fspath(tmp_path) not in text
    assert not re.search(r'"(/|[A-Z]:\\\\)', text)
    assert os.path.expanduser("~") not in text


def test_json_numbers_are_those_of_the_results(rep, results):
    classify = rep.data["results"]["classify"]

    assert classify["exact"]["y_pred"] == results[0].y_pred.tolist()
    assert classify["rounded"]["metrics"]["value"] == results[0].metrics["value"].round(4).tolist()
    assert rep.data["results"]["cluster"]["exact"]["labels"] == results[1].labels.tolist()


def test_rounding_reaches_every_depth():
    assert rounded({"a": [1.23456789, [np.float32(0.5), -0.00001]], "b": 3, "c": None}) == {
        "a": [1.2346, [0.5, 0.0]],
        "b": 3,
        "c": None,
    }


SCRIPT = """
import sys, threadpoolctl
threadpoolctl.threadpool_limits(int(sys.argv[1]))
import mmtoolkit as mm
from mmtoolkit.providers.local import model as local
local._BLOCK = dict.fromkeys(local._BLOCK, int(sys.argv[2]))
frame = mm.load_dataset("stamps").groupby("label").head(6).reset_index(drop=True)
if sys.argv[3] == "half":
    mm.embed(frame.iloc[::2].reset_index(drop=True), model="local", progress=False)
emb = mm.embed(frame, model="local", progress=False)
mm.report(mm.classify(emb, cv=3), mm.cluster(emb, range(3, 6)), mm.project(emb), title="Twice").save(sys.argv[4])
"""


def test_json_is_the_same_in_other_processes_threads_batches_and_caches(tmp_path):
    texts = []
    for threads, batch, cache in (("1", "1", "cold"), ("2", "16", "half")):
        env = {**os.environ, "MMTOOLKIT_CACHE": str(tmp_path / cache), "OPENBLAS_NUM_THREADS": threads}
        path = tmp_path / cache / "report.json"
        path.parent.mkdir()
        subprocess.run([sys.executable, "-W", "ignore", "-c", SCRIPT, threads, batch, cache, path], env=env, check=True)
        texts.append(path.read_text("utf-8").partition('\n "run": ')[0])

    assert texts[0] == texts[1]
    assert len(texts[0]) > 10_000


def test_page_is_the_same_twice_and_no_figure_takes_the_place_of_another(stamps):
    c = mm.cluster(stamps, range(3, 5))
    pages = [mm.report(c, c, title="Twice").to_html() for _ in range(2)]

    assert pages[0] == pages[1]
    places = re.findall(r'<div class="plot" id="([^"]+)"', pages[0])
    assert len(places) == len(set(places)) >= 2


def test_script_asks_other_results_and_names_every_argument_by_its_place(stamps):
    c = mm.cluster(stamps, 3)
    protocol = mm.protocols.mteb_classification(stamps, cross_validation=True)
    script = as_python(mm.report(c.compare("label"), mm.similarity(stamps, stamps[:3]), protocol).data["recipe"], "x")

    ast.parse(script)
    assert 'c_compare = mm.cluster(emb, n_clusters=3, random_state=0).compare(y="label")' in script
    assert "similarity = mm.similarity(emb, emb_2)" in script
    assert "protocols_mteb_classification = mm.protocols.mteb_classification(emb, cross_validation=True)" in script


def test_page_is_one_file_that_loads_nothing(html):
    assert html.startswith("<!DOCTYPE html>")
    assert html.count('id="plotly"') == 1
    assert not re.search(r"""<(?:script|link|img|iframe)[^>]+(?:src|href)=(?!["']?data:)""", html)
    assert "default-src 'none'" in html
    assert len(html) < 6_000_000
    assert "prefers-color-scheme:dark" in html
    assert "@media print" in html


def test_page_opens_with_the_summary_and_lists_its_contents(html):
    titles = re.findall(r"<section id=\"[a-z_]+\"><h2>(.*?)</h2>", html)

    assert titles == [
        "Summary",
        "The data",
        "Classification",
        "Where it fails",
        "Clusters",
        "Map",
        "How to repeat it",
        "Environment",
    ]
    assert re.findall(r'<li><a href="#([a-z_]+)">', html) == [
        "summary",
        "data",
        "classify",
        "classify_slices",
        "cluster",
        "project",
        "repeat",
        "environment",
    ]


def test_summary_says_in_words_what_the_scores_are(rep, results):
    value = results[0].metrics.loc["accuracy", "value"]

    words = " ".join(block.text for block in rep.sections[0].blocks if isinstance(block, Words))

    assert f"{100 * value:.1f} %" in words
    assert "14 classes" in words
    assert "95 % interval" in words
    assert "5 clusters" in words


def test_grouped_and_ungrouped_scores_stand_side_by_side(rng):
    X = rng.normal(size=(40, 6))
    made = mm.classify(np.concatenate([X, X]), np.tile(np.arange(40) % 2, 2), cv=3)

    words = " ".join(b.text for b in mm.report(made).sections[1].blocks if isinstance(b, Words))

    assert f"{100 * made.metrics.loc['accuracy', 'value']:.1f} %" in words
    assert f"{100 * made.ungrouped_accuracy:.1f} %" in words
    assert "80 items have an exact or near duplicate (40 groups)" in words


def test_every_figure_has_a_caption(rep):
    from mmtoolkit.figures import caption_of

    drawn = [b for section in rep.sections for b in section.blocks if isinstance(b, Drawing)]

    assert len(drawn) >= 7
    assert all(len(f"{b.caption}{caption_of(b.figure)}") > 20 for b in drawn)


def test_confident_errors_come_with_pictures_surest_first(rep, results):
    gallery = next(b for b in rep.sections[2].blocks if isinstance(b, Gallery))
    made = results[0]
    wrong = np.array([a != b for a, b in zip(made.y_true, made.y_pred, strict=True)])

    assert gallery.frame["id"].iloc[0] == made.ids[wrong][made.y_proba[wrong].max(axis=1).argmax()]
    assert block_html(gallery).count("data:image/webp") == len(gallery.frame)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda b: type(b).__name__)
def test_user_text_stays_text_in_html_and_markdown(block):
    shown, markdown = block_html(block), block_markdown(block)

    assert "<script" not in shown
    assert "<img" not in shown
    if not isinstance(block, Code):
        assert "<script" not in markdown.replace("\\<", "")
        assert "[link](" not in markdown


def test_user_text_stays_text_in_the_whole_page(html):
    plain = html.partition("<body>")[2]

    assert "<img src=x" not in html
    assert '<script>alert("x")' not in html
    assert "javascript:alert" not in plain.replace("](javascript:alert", "")


def test_the_mark_of_a_negative_baseline_stays_on_its_bar():
    frame = pd.DataFrame({"value": [0.5], "baseline": [-0.06]}, index=["matthews correlation"])

    shown = block_html(Table(frame, shares=("value",), marks={"value": "baseline"}))

    assert 'class="tick" style="left:0.0%"' in shown


def test_texts_are_shown_as_lines(glosses):
    made = mm.cluster(glosses, 4)
    groups = next(b for b in mm.report(made).sections[2].blocks if isinstance(b, Groups))

    assert block_html(groups).count("<li>") == 4 * 7
    assert "<img" not in block_html(groups)


def test_markdown_has_the_same_numbers(rep, results, tmp_path):
    text = rep.save(tmp_path / "report.md").read_text("utf-8")

    value, low, high, baseline = results[0].metrics.loc["accuracy"]
    shown = " | ".join(f"{100 * share:.1f} %" for share in (value, low, high, baseline))
    assert f"| accuracy | {shown} |" in text.replace("\\", "")
    assert "## How to repeat it" in text
    assert "mmtoolkit verify report.json" in text


def rerun(rep, folder, monkeypatch):
    """Run a report's own script beside its report.json, and return what it wrote."""
    rep.save(folder / "report.json")
    script = next(b.text for b in rep.sections[-2].blocks if isinstance(b, Code))
    monkeypatch.chdir(folder)
    exec(compile(ast.parse(script), "recipe", "exec"), {})
    return {k: v for k, v in read_report(folder / "report.json").items() if k != "run"}


def test_recipe_is_python_that_makes_the_report_again(rep, tmp_path, monkeypatch):
    assert rerun(rep, tmp_path, monkeypatch) == json.loads(json.dumps(rep.to_dict()))


@pytest.mark.parametrize("longest", [20_000, 5], ids=["ids in the JSON", "ids in the Parquet file"])
def test_recipe_of_failed_and_chosen_items_keeps_to_them(tmp_path, monkeypatch, longest):
    for module in (code, sidecar):
        monkeypatch.setattr(module, "LONGEST", longest)
    (tmp_path / "texts").mkdir()
    for number, word in enumerate(["cat", "dog", "", "horse", "car", "bus", "train", "tram", "ship"]):
        (tmp_path / "texts" / f"{number}.txt").write_text(word)
    emb = mm.embed(mm.read_folder(tmp_path / "texts"), model="local", on_error="nan").drop_failed()[::-1]
    rep = mm.report(mm.cluster(emb[:7], 2))

    assert rerun(rep, tmp_path, monkeypatch) == json.loads(json.dumps(rep.to_dict()))
    words = " ".join(b.text for b in rep.sections[0].blocks if isinstance(b, Note))
    assert "2 of the items that were read are not in this report" in words


def test_results_without_a_room_of_their_own_are_shown_too(stamps):
    found = mm.search(stamps, "a dog", k=3)
    rep = mm.report(found, mm.search(stamps, "a coin", k=3))

    assert [s.name for s in rep.sections][2:4] == ["search", "search_2"]
    assert found.table["id"].iloc[0] in rep.to_html()


def test_plain_vectors_make_a_whole_report_too(rng):
    X = rng.normal(size=(60, 8))
    rep = mm.report(mm.classify(X, np.arange(60) % 3, cv=3), mm.cluster(X, 3), mm.project(X, method="pca"))

    html = rep.to_html()

    assert "60 vectors" in html
    assert "your own 60 vectors" in html
    assert "predicted wrong" in html


def test_two_sources_are_kept_apart(stamps, glosses):
    data = mm.report(mm.cluster(stamps, 3), mm.cluster(glosses, 3)).data

    assert list(data["recipe"]["sources"]) == ["emb", "emb_2"]
    assert [step["source"] for step in data["recipe"]["steps"]] == ["emb", "emb_2"]


def test_bad_arguments_are_named(rep, results, tmp_path):
    with pytest.raises(ValueError, match="nothing to report"):
        mm.report()
    with pytest.raises(TypeError, match=r"argument 1: expected a result .* got str"):
        mm.report(results[0], "x")
    with pytest.raises(ValueError, match=r"saved as .html, .md, .json; got 'report.pdf'"):
        rep.save(tmp_path / "report.pdf")


def test_repr_is_one_line_and_the_notebook_shows_the_summary(rep):
    assert "\n" not in repr(rep)
    assert len(rep._repr_html_()) < 60_000
    assert "<script" not in rep._repr_html_()


def test_a_page_without_figures_carries_no_plotly():
    assert len(page("t", ["a"], [Section("s", "S", [Words("w")])])) < 30_000


@pytest.mark.browser
def test_page_fits_phone_and_desktop_and_asks_for_nothing(html, tmp_path):
    sync_api = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium")
    path = tmp_path / "report.html"
    path.write_text(html, "utf-8")
    flags = ["--no-sandbox", "--disable-background-networking", "--disable-sync", "--enable-unsafe-swiftshader"]
    asked, wrong, seen = [], [], {}
    with sync_api.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=chromium, args=flags)
        for width, scheme in ((1280, "light"), (400, "dark")):
            tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            tab.on("request", lambda r: asked.append(r.url))
            tab.on("pageerror", lambda e: wrong.append(str(e)))
            tab.on("dialog", lambda d: wrong.append(d.message))
            tab.goto(path.as_uri())
            tab.evaluate(
                "['beforeprint', 'afterprint'].forEach(name => window.dispatchEvent(new Event(name)))"
            )  # draws all
            tab.wait_for_function("[...document.querySelectorAll('.plot')].every(g => g._fullLayout)", timeout=90_000)
            tab.wait_for_timeout(300)
            seen[width] = tab.evaluate(
                "({wide: document.documentElement.scrollWidth, back: getComputedStyle(document.body).backgroundColor,"
                " broken: [...document.images].filter(i => !i.naturalWidth).length,"
                " plots: document.querySelectorAll('.js-plotly-plot .main-svg').length})"
            )
        browser.close()

    assert wrong == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert seen[1280]["wide"] == 1280
    assert seen[400]["wide"] == 400
    assert seen[1280]["back"] != seen[400]["back"]
    assert all(s["broken"] == 0 and s["plots"] >= 7 for s in seen.values())


def test_a_disk_that_takes_no_more_is_told_with_the_path(tmp_path, rng):
    resource = pytest.importorskip("resource")
    rep = mm.report(mm.cluster(rng.normal(size=(20, 4)), 2))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match=r"report\.json") as caught:
            rep.save(tmp_path / "report.json")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert caught.value.filename == str(tmp_path / "report.json")
    assert list(tmp_path.iterdir()) == []


def test_one_plausible_number_of_clusters_is_no_range(rng):
    made = mm.cluster(rng.normal(size=(12, 6)), range(2, 5))

    shown = mm.report(made).to_html().partition("<body>")[2]

    assert made.plausible_n_clusters == (2, 2)
    assert "plausible" not in repr(made)
    assert "number chosen" in shown
    assert "2 to 2" not in shown
    assert "cannot tell 2" not in shown


def test_names_in_sentences_keep_their_own_quotation_marks(rng):
    X = np.repeat(np.eye(2), 10, axis=0) + rng.normal(size=(20, 2))
    name = 'it\'s "quoted"'
    made = mm.classify(X, [name, "b"] * 10, cv=3)

    words = " ".join(b.text for b in mm.report(made).sections[0].blocks if isinstance(b, Words))
    captions = " ".join(b.caption for b in mm.report(made).sections[1].blocks if isinstance(b, Table))

    assert f"“{name}”" in words
    assert "\\" not in words + captions


def test_a_name_cannot_turn_the_direction_of_writing_around():
    assert escape("exe\u202egpj.png") == "exe gpj.png"
    assert escape_markdown("a\u2066b\u2069c") == "a b c"


@pytest.mark.parametrize(
    "text",
    ["http://evil.example/x", "HTTPS://e.example", "www.evil.example", "mail a@b.co", "mailto:a@b.co", "ftp://a.b", "![x](http://e/x.png)",
     "[a](javascript:1)", "<img src=x>", "&lt;b&gt;", "a|b", "`code`", "line\nbreak", "- item", "1. item", "123. x", "# h", "> q", "~~x~~", "$x$", "\\*x*"],
)  # fmt: skip
def test_markdown_neither_links_nor_formats_what_users_wrote(text):
    import html

    import mistune

    written = escape_markdown(text)

    for text_of_page in (written, f"| a |\n| --- |\n| {written} |\n"):
        made = mistune.create_markdown(plugins=["url", "table", "strikethrough", "footnotes", "math"])(text_of_page)
        inner = re.sub(r"</?(p|table|thead|tbody|tr|t[hd])>", "", made).replace("\n", " ").replace("\u2060", "")
        assert html.unescape(inner).split() == [*(["a"] if text_of_page[0] == "|" else []), *text.split()]
