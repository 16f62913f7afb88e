"""Draw every figure of every result once, on small real data and with the offline model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import mmtoolkit as mm
from mmtoolkit.results import Result


def _results() -> Iterator[tuple[str, Result]]:
    """Give results by the verb that made them."""
    glosses = mm.load_dataset("glosses").groupby("label").head(40).reset_index(drop=True)
    kept = glosses[glosses["label"].isin(["animal", "food", "time", "body"])]
    emb = mm.embed(kept, model="local", progress=False)
    c, r = mm.cluster(emb, range(2, 9)).with_names(), mm.classify(emb, y="label")
    yield from (("cluster", one) for one in (c, c.compare("label"), c.stability(10)))
    yield from (("classify", one) for one in (r, r.learning_curve(sizes=[1, 4, 16], n_draws=1), r.slices()))
    yield (
        "zero_shot",
        mm.zero_shot(
            emb,
            {"animal": ["an animal"], "food": ["food"], "time": ["a time"], "body": ["a part of the body"]},
            y="label",
        ),
    )
    yield "project", mm.project(emb, progress=False)
    queries, relevant = (
        ["an animal", "something to eat"],
        [kept["id"][kept["label"] == name].tolist() for name in ("animal", "food")],
    )
    yield "search", mm.search(emb, "something to eat")
    yield "evaluate_search", mm.evaluate_search(emb, queries, relevant)
    yield "similarity", mm.similarity(emb, by="label")
    yield "near_duplicates", mm.near_duplicates(emb)
    yield "compare", mm.compare({"all": emb, "half": emb.vectors[:, :64]}, kept["label"])
    yield "audit", mm.audit(emb, y="label")
    yield "pick", mm.pick(emb, 5)


def write(folder: Path) -> dict[str, list[str]]:
    """Write each figure as a piece of HTML, Plotly's script, and the gallery.

    Parameters
    ----------
    folder : Path
        For the pieces; the script goes to ``_static`` beside it, the gallery to ``gallery/index.md``.

    Returns
    -------
    dict of str to list of str
        Names of the pieces by verb.
    """
    from plotly.offline import get_plotlyjs

    folder.mkdir(exist_ok=True)
    static = folder.parent / "_static"
    static.mkdir(exist_ok=True)
    (static / "plotly.min.js").write_text(get_plotlyjs(), "utf-8")
    made: dict[str, list[str]] = {}
    page = [
        "# Gallery",
        "",
        "Every figure, drawn by the offline model on 160 definitions. `result.figure(name)` draws one, `result.figures` names them.",
        "",
    ]
    page += ["```{raw} html", '<script src="../_static/plotly.min.js"></script>', "```", ""]
    for verb, result in _results():
        kind = type(result).__name__
        for figure in result.figures:
            name = f"{kind}.{figure}".replace(" ", "_")
            drawing = result.figure(figure)
            drawing.update_layout(autosize=True, width=None)
            text = drawing.to_html(
                full_html=False, include_plotlyjs=False, config={"responsive": True, "displaylogo": False}, div_id=name
            )
            (folder / f"{name}.html").write_text(text, "utf-8")
            made.setdefault(verb, []).append(name)
            page += [f"## {kind}: {figure}", "", f"From [mm.{verb}](../api/{verb}.rst): `.figure({figure!r})`", ""]
            page += ["```{raw} html", f":file: ../_figures/{name}.html", "```", ""]
    (folder.parent / "gallery").mkdir(exist_ok=True)
    (folder.parent / "gallery" / "index.md").write_text("\n".join(page), "utf-8")
    return made
