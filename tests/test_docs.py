"""The pages of docs/: links lead somewhere, every block of code runs, and the reference knows every public name."""

from __future__ import annotations

import getpass
import importlib.util
import re
import shutil
import sys
import types
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from emulator import openai as dialect

import mmtoolkit as mm

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
MADE = ("_build", "api", "gallery", "tutorials")  # by `make docs`
PAGES = sorted(p for p in DOCS.rglob("*.md") if p.relative_to(DOCS).parts[0] not in MADE)
WITH_CODE = [
    page for page in PAGES if "```python\n" in page.read_text("utf-8") and page.name not in ("agents.md", "index.md")
]
SERVERS = {
    "bge-m3": 1024,
    "BAAI/bge-m3": 1024,
    "embed-large": 1536,
    "text-embedding-v4": 1024,
    "TIGER-Lab/VLM2Vec-Full": 3072,
}

SMALLER = {  # thousands of Spark's jobs say no more than a few
    'mm.spark.classify(vectors, "label")': 'mm.spark.classify(vectors, "label", cv=2, Cs=(10.0,), max_iter=5)',
    "mm.spark.cluster(vectors, 50)": "mm.spark.cluster(vectors, 5, n_init=1, max_iter=5)",
    "mm.spark.project(vectors, sample=50_000)": 'mm.spark.project(vectors, sample=50_000, method="pca")',
}


def _anchors(page):
    """Return the ids of a page's headings, as GitHub and MyST make them."""
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    heads = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", [*PAGES, *ROOT.glob("*.md")], ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_of_a_page_lead_somewhere(page):
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text("utf-8"), flags=re.DOTALL)
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    broken = []
    for link in links:
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        made = target.is_relative_to(DOCS) and target.relative_to(DOCS).parts[:1] in [(part,) for part in MADE]
        if not made and (not target.exists() or (anchor and anchor not in _anchors(target))):
            broken.append(link)

    assert broken == []


def test_the_reference_has_every_public_name_in_a_group():
    spec = importlib.util.spec_from_file_location("reference", DOCS / "reference.py")
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    listed = [name for group in reference.GROUPS.values() for name in group]

    assert len(listed) == len(set(listed))
    assert {name for name in listed if "." not in name} == set(mm.__all__) - {"spark", "protocols"}


def test_every_page_is_in_a_list_of_pages():
    listed = set()
    for page in [*PAGES, DOCS / "tutorials" / "index.md"]:
        for names in re.findall(r"```\{toctree\}\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
            lines = [re.sub(r".*<(.*)>", r"\1", line) for line in names.splitlines() if not line.startswith(":")]
            listed |= {(page.parent / f"{name}.md").resolve() for name in lines}

    assert {page for page in PAGES if page not in listed} == {DOCS / "index.md"}


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder of pictures in folders by class, with a table of them, as the pages take it."""
    folder = tmp_path_factory.mktemp("desk") / "photos"
    emoji = mm.load_dataset("emoji")
    chosen = emoji[emoji["label"].isin(["food", "animals", "smileys", "plants", "objects"])].groupby("label").head(10)
    for path, label in zip(chosen["image"], chosen["label"], strict=True):
        (folder / label).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / label)
    files = [f"{label}/{Path(path).name}" for path, label in zip(chosen["image"], chosen["label"], strict=True)]
    table = pd.DataFrame({"file": files, "kind": chosen["label"], "caption": chosen["text"]})
    table.to_csv(folder / "list.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def known():
    """What pages take as given: pictures with captions, their vectors and clusters."""
    emoji = mm.load_dataset("emoji").groupby("label").head(8).reset_index(drop=True)
    emb = mm.embed(emoji, model="local", progress=False)
    names = {"emb": emb, "df": emoji, "items": emoji.groupby("label").head(1), "c": mm.cluster(emb, 9)}
    wanted = [
        [f"{label}/{Path(path).name}" for path in emoji["image"][emoji["label"] == label]]
        for label in ("food", "plants")
    ]
    more = {"queries": ["something to eat", "a plant"], "relevant": wanted, "texts": ["a red bird", "a blue car"]}
    glosses = mm.load_dataset("glosses")
    words = glosses[glosses["label"].isin(["food", "time"])].groupby("label").head(10)
    frames = {
        "polars_frame": pl.from_pandas(words[["text", "label"]].reset_index(drop=True)),
        "frame_of_numbers": pl.DataFrame(np.eye(4)),
    }
    return {"mm": mm, **names, **more, **frames}


@pytest.fixture
def desk(tmp_path, monkeypatch, photos, known, quick, openai):
    """A folder to work in, the service with a key, servers that speak OpenAI's dialect, and a library with a model."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(photos, tmp_path / "photos")
    monkeypatch.setattr(getpass, "getpass", lambda prompt: quick.api_key)
    monkeypatch.setenv("GATEWAY_API_KEY", "of-the-gateway")
    served = {name: dialect.Model(size, tokens=32_000, pictures="VLM" in name) for name, size in SERVERS.items()}
    monkeypatch.setattr(dialect, "MODELS", {**dialect.MODELS, **served})
    library = types.ModuleType("sentence_transformers")
    library.SentenceTransformer = lambda name: types.SimpleNamespace(encode=lambda texts: np.ones((len(texts), 1024)))
    monkeypatch.setitem(sys.modules, "sentence_transformers", library)
    return dict(known)


def _blocks(page):
    return re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize("page", WITH_CODE, ids=[page.relative_to(DOCS).as_posix() for page in WITH_CODE])
def test_the_code_of_a_page_runs(page, desk, openai, request):
    blocks = _blocks(page)
    if any("mm.spark.start" in block for block in blocks):
        items = desk["df"][["id", "modality", "text", "image", "label"]]
        desk["df"] = request.getfixturevalue("to_spark")(items.assign(modality="text", image=None))
    for number, block in enumerate(blocks):
        code = re.sub(r"https?://[\w.:-]+(?:/compatible-mode)?/v1(?=\")", openai.base_url, block)
        code = re.sub(r'"/(shared|team)/', r'"\1/', code).replace('start("local[*]")', 'start("local[2]")')
        if "mm.spark." in block:  # its workers may be older than this test's key
            code = code.replace('"multimodal-embedding-v1"', '"local"')
        for large, small in SMALLER.items():
            code = code.replace(large, small)
        openai.use("vllm" if 'pictures="messages"' in block else "openai")
        exec(compile(code, f"{page.name}, block {number + 1}", "exec"), desk)


def test_the_ten_lines_in_chinese_are_those_of_the_readme():  # which are run with the wheel
    def code(page):
        return [line.partition("#")[0].rstrip() for line in _blocks(page)[0].splitlines()]

    assert code(DOCS / "zh" / "index.md") == code(ROOT / "README.zh.md") == code(ROOT / "README.md")
