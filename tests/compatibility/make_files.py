"""Made the files in files/0.1.0; run once, with mmtoolkit 0.1.0 (commit 692cc14), and kept to show how.

Do not run it again for 0.1.0: those files stay as that version wrote them. For a later version, to keep files of it as
well, adapt it and run, from the root of the repository::

    PYTHONPATH=.:tests python tests/compatibility/make_files.py

It refuses a folder that exists. Works in a folder of its own below the temporary one, on the emulated service.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from compatibility import described
from compatibility.described import COLOURS, FILES, FLASH, QUERIES, QUERY, V1, V1_TEXTS, V4, plain
from emulator import Emulator
from PIL import Image

import mmtoolkit as mm

WORDS = {
    "animals": [
        "a small bird",
        "the old dog",
        "cats sleep",
        "a horse",
        "fish in water",
        "the brown bear",
        "鸟",
        "a wolf",
    ],
    "vehicles": ["a red bus", "the train", "cars and trucks", "a ship", "bicycle", "an old tram", "火车", "a plane"],
    "food": ["bread and butter", "a ripe apple", "soup", "cheese", "rice with beans", "sweet cake", "面包", "a carrot"],
}


def main() -> None:
    target = FILES / mm.__version__
    if target.exists():
        raise SystemExit(f"{target} is there: files of a version are made once")
    home = Path(tempfile.gettempdir()) / f"mmtoolkit-{mm.__version__}"
    home.mkdir()
    for name in ("cache", "pictures", "vectors", "classifiers", "reports", "annotations", "spark"):
        (home / name).mkdir()
    os.chdir(home)  # saved vectors name the folder that relative paths start from
    os.environ["HOME"] = str(home)
    os.environ["MMTOOLKIT_CACHE"] = str(home / "cache")
    with Emulator() as service:
        os.environ["DASHSCOPE_HTTP_BASE_URL"] = service.base_url
        os.environ["DASHSCOPE_API_KEY"] = service.api_key
        make_pictures(home)
        own = make_own(home)
        words = make_local(home)
        things = make_service(home)
        make_classifiers(home, own, words, things)
        make_long_report(home)
        make_annotations(home)
        make_spark(home)
        settle(home / "cache")
        target.mkdir(parents=True)
        names = ("pictures", "vectors", "classifiers", "reports", "annotations", "spark", "cache")
        pack(home, target / "files.zip", names)
        os.environ["MMTOOLKIT_CACHE"] = str(home / "copy/cache")
        wanted = expected(described.unpack(mm.__version__, home / "copy"))
    lines = []
    for name, value in wanted.items():
        parts = [f"  {one(key)}: {one(inner)}" for key, inner in value.items()] if isinstance(value, dict) else []
        lines.append(f"{one(name)}: " + ("{\n" + ",\n".join(parts) + "\n }" if parts else one(value)))
    (target / "expected.json").write_text("{\n " + ",\n ".join(lines) + "\n}\n", "utf-8")
    shutil.rmtree(home)


def one(value: object) -> str:
    """A value as JSON on one line."""
    return json.dumps(value, ensure_ascii=False)


def make_pictures(home: Path) -> None:
    for name, colour in zip(COLOURS, ((200, 40, 40), (40, 180, 60), (40, 60, 200), (220, 210, 50)), strict=True):
        for side in (16, 24):
            picture = Image.new("RGB", (side, side), colour)
            picture.paste((255, 255, 255), (4, 4, side // 2, side // 2))
            picture.save(home / "pictures" / f"{name}-{side}.png")


def make_own(home: Path) -> mm.Embeddings:
    """Own vectors, without a model; columns of several types; a report with every step that can be computed again."""
    rng = np.random.default_rng(0)
    y = np.arange(45) % 3
    X = (np.eye(3, 6)[y] * 3 + rng.normal(size=(45, 6))).astype(np.float32)
    X[44] = X[41]
    folder = home / "reports/own"
    folder.mkdir()
    frame = pd.DataFrame(
        {
            "id": [f"n{i:02}" for i in range(45)],
            "text": [f"row {i}" for i in range(45)],
            "label": np.array(["one", "two", "three"])[y],
            "part": ["train", "test"] * 22 + ["train"],
            "size": np.arange(45) / 4,
        }
    )
    frame.to_csv(folder / "rows.csv", index=False)
    emb = mm.Embeddings(X, items=mm.items(folder / "rows.csv"))
    emb.save(folder / "vectors.parquet")
    np.save(folder / "vectors.npy", X)
    c = mm.cluster(emb, 3)
    r = mm.classify(emb, cv=3)
    results = [
        r, c, mm.project(emb, method="pca"), c.compare("label"), c.stability(3), c.representatives(2),
        r.learning_curve(sizes=[2, 4]), mm.audit(emb, "label", "part"), mm.pick(emb, 5), mm.near_duplicates(emb, 0.99),
        mm.search(emb, X[3], k=4), mm.search(emb, item="n07", k=3), mm.similarity(emb, by="label"),
        mm.compare({"all": emb, "half": X[:, :3].copy()}, "label", cv=3),
        mm.protocols.mteb_classification(emb, cross_validation=True),
        mm.protocols.mteb_clustering(emb, n_experiments=1),
    ]  # fmt: skip
    mm.report(*results, title="Vectors of one's own").save(folder / "report.json")
    mixed = emb.items.assign(count=range(45), maybe=[None, 1.5, float("nan")] * 15, both=[1, "1", None] * 15)
    mm.Embeddings(X, items=mixed).save(home / "vectors/own.parquet")
    mm.Embeddings(X[:5]).save(home / "vectors/plain.parquet")
    return emb


def make_local(home: Path) -> mm.Embeddings:
    """Texts and pictures by the offline model."""
    folder = home / "reports/local"
    folder.mkdir()
    rows = [{"text": text, "label": label} for label, texts in WORDS.items() for text in texts]
    pd.DataFrame(rows).assign(id=[f"w{i:02}" for i in range(24)]).to_csv(folder / "words.csv", index=False)
    emb = mm.embed(mm.items(folder / "words.csv"), model="local", cache=home / "cache")
    emb.save(folder / "vectors.parquet")
    mm.report(mm.classify(emb, cv=3), mm.cluster(emb, 3), mm.project(emb, method="pca"), title="Words").save(
        folder / "report.json"
    )
    asked = mm.search(emb, "a bird", k=3), mm.zero_shot(emb, {name: f"some {name}" for name in WORDS}, y="label")
    mm.report(*asked, title="Asked in words").save(home / "reports/asked/report.json")
    pictures = mm.embed_images(
        [str(path) for path in described.pictures(home)[:4]], model="local", cache=home / "cache"
    )
    mm.concat([emb[[0, 8, 16]], pictures]).centered().save(home / "vectors/centered-local.parquet")
    return emb


def make_service(home: Path) -> mm.Embeddings:
    """Several spaces of the emulated service in the cache; files and a report from them."""
    cache = home / "cache"
    mm.embed([*map(mm.Text, V1_TEXTS), *map(mm.Image, described.pictures(home)[:2])], model=V1, cache=cache)
    v4 = mm.embed_texts(QUERIES, model=mm.DashScope(V4, canary=True), dimension=256, params=QUERY, cache=cache)
    v4.save(home / "vectors/params.parquet")
    mm.embed_texts(QUERIES[:2], model=V4, dimension=256, cache=cache)
    mm.embed_texts(QUERIES[:2], model=FLASH, cache=cache)
    with_failed = mm.embed(
        [mm.Text("a red car"), mm.Text("[[fault DataInspectionFailed]]"), mm.Text("   "), mm.Text("a blue car")],
        model=FLASH, dimension=64, cache=cache, on_error="nan",
    )  # fmt: skip
    with_failed.save(home / "vectors/failed.parquet")

    folder = home / "reports/service"
    folder.mkdir()
    shutil.copytree(home / "pictures", folder / "pictures")
    rows = [
        {"text": f"{colour} {what}", "label": colour} for colour in COLOURS for what in ("car", "coat", "wall", "cup")
    ]
    rows += [
        {"image": f"pictures/{path.name}", "label": path.stem.split("-")[0]} for path in described.pictures(folder)
    ]
    pd.DataFrame(rows).assign(id=[f"t{i:02}" for i in range(24)]).to_csv(folder / "things.csv", index=False)
    watched = mm.DashScope(FLASH, canary=True)
    things = mm.embed(mm.items(folder / "things.csv"), model=watched, dimension=64, cache=cache)
    things.save(folder / "vectors.parquet")
    centered = things.centered()
    centered.save(home / "vectors/centered.parquet")
    results = [
        mm.classify(centered, cv=3),
        mm.cluster(centered, 4),
        mm.zero_shot(things, {colour: f"something {colour}" for colour in COLOURS}, y="label"),
        mm.search(things, "red", k=5),
        mm.evaluate_search(things, ["a red thing", "a blue thing"], [["t00", "t01"], ["t08", "t09"]], ks=[1, 5]),
    ]
    mm.report(*results, title="Things of the service").save(folder / "report.json")
    centered.encode(["a red hat", "a yellow hat"])  # for the classifier
    store = mm.EmbeddingCache(cache)
    store.export(home / "vectors/exported.parquet", model=V4, dimension=256, params=QUERY)
    store.export(home / "vectors/exported-flash.parquet", model=FLASH, dimension=64)
    return centered


def make_classifiers(home: Path, own: mm.Embeddings, words: mm.Embeddings, things: mm.Embeddings) -> None:
    for name, emb in (("own", own), ("local", words), ("centered", things)):
        mm.classify(emb, cv=3).save(home / "classifiers" / name)


def make_long_report(home: Path) -> None:
    (home / "reports/long").mkdir()
    mm.report(mm.cluster(described.long_vectors(), 3), title="Long").save(home / "reports/long/report.json")


def make_annotations(home: Path) -> None:
    """A session with lasso, search, review, undo and answers taken back."""
    ex = described.explorer(home)
    ex.lasso([(1.5, -9), (9, -9), (9, 9), (1.5, 9)])
    ex.label("far, right")
    ex.select(["n01", "n04"])
    ex.label("第二")
    ex.select(["n02"])
    ex.label("wrong")
    ex.undo()
    ex.search(mm.Embeddings.load(home / "reports/own/vectors.parquet").vectors[5], k=2)
    ex.label("found")
    ex.select(["n01"])
    ex.label(None)
    ex.audit_sample(4)
    ex.label("one")
    ex.label("two")
    ex.review("outliers", n=4)
    ex.answer(True)
    ex.answer(False)
    ex.answer(True)
    ex.undo()
    ex.review(["n30"])
    ex.label("three")


def make_spark(home: Path) -> None:
    from mmtoolkit.spark import start

    key = home / ".dashscope/api_key"
    key.parent.mkdir()
    key.write_text(os.environ["DASHSCOPE_API_KEY"])
    session = start("local[1]", memory="1g")
    for name, options in (("local", {"model": "local"}), ("service", {"model": FLASH, "dimension": 64})):
        rows = [(f"s{i}", "text", f"{colour} boat") for i, colour in enumerate([*COLOURS, "red"])]
        df = session.createDataFrame(rows, "id string, modality string, text string")
        mm.spark.embed(df, table=home / "spark" / name, **options).collect()
    session.stop()


def settle(cache: Path) -> None:
    """Close the cache, so that its index is one whole file; derived results do not belong to the files."""
    mm.EmbeddingCache(cache).close()  # also what the verbs opened
    assert not list(cache.glob("*-wal"))
    shutil.rmtree(cache / "derived", ignore_errors=True)


def pack(home: Path, archive: Path, names: Sequence[str]) -> None:
    """Put folders into one archive: small, and no ``.sqlite`` that would be taken for a user's own."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as zipped:
        for name in names:
            for path in sorted((home / name).rglob("*")):
                if path.is_file():
                    zipped.write(path, path.relative_to(home).as_posix())


def expected(home: Path) -> dict:
    """What this version reads from a copy of its own files."""
    cache = mm.EmbeddingCache(home / "cache")
    stats = described.stats(cache)
    spaces = []
    for row in stats:
        params = json.loads(row["params"])
        out = home / "one.parquet"
        cache.export(out, model=row["model"], revision=row["revision"], dimension=row["dimension"], params=params)
        spaces.append(described.table(out))
    sound = cache.verify()
    assert sound.ok
    load = {
        path.stem: mm.Embeddings.load(path) for path in sorted(home.glob("vectors/*.parquet")) if "exp" not in path.stem
    }
    load |= {
        f"report-{name}": mm.Embeddings.load(home / f"reports/{name}/vectors.parquet")
        for name in ("own", "local", "service")
    }
    trained = {"own": load["report-own"], "local": load["report-local"], "centered": load["centered"]}
    ex = described.explorer(home)
    reports = {}
    for name in ("own", "local", "asked", "service", "long"):
        vectors = described.vectors_of_report(home, name)
        reports[name] = described.verification(
            mm.verify(home / f"reports/{name}/report.json", vectors=vectors, cache=home / "cache")
        )
    return {
        "version": mm.__version__,
        "local_revision": load["report-local"].revision,
        "stats": stats,
        "rows": sound.rows,
        "spaces": spaces,
        "embeddings": {name: described.embeddings(emb) for name, emb in load.items()},
        "search": {
            name: described.frame(mm.search(emb.drop_failed(), emb.drop_failed().vectors[0], k=3).table)
            for name, emb in load.items()
        },
        "exported": {
            path.stem: described.table(path) for path in sorted(home.glob("vectors/exp*.parquet"))
        },
        "encoded": {
            "local": described.sha(load["report-local"].encode(["a bird"])),
            "centered": described.sha(load["centered"].encode(["a red hat", "a yellow hat"])),
            "centered-local": described.sha(load["centered-local"].encode(["a bird"])),
        },
        "classifiers": {
            name: described.classifier(mm.load_classifier(home / "classifiers" / name), emb)
            for name, emb in trained.items()
        },
        "classified": {
            "local": plain(mm.load_classifier(home / "classifiers/local").predict(["a bird", "some soup"])),
            "centered": plain(
                mm.load_classifier(home / "classifiers/centered").predict(["a red hat", "a yellow hat"])
            ),
        },
        "reports": reports,
        "annotations": described.frame(ex.annotations),
        "reviewed": described.frame(ex.reviewed),
        "diff": described.frame(ex.annotations_diff()),
        "spark": {name: described.table(home / "spark" / name) for name in ("local", "service")},
        "canary": len(list(home.glob("cache/canary/*.json"))),
    }  # fmt: skip


if __name__ == "__main__":
    main()
