"""The commands that work on items."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mmtoolkit as mm
from mmtoolkit._text import did_you_mean
from mmtoolkit.cli import show
from mmtoolkit.cli.inputs import embeddings_of, items_of, model_of
from mmtoolkit.providers.choice import make_provider
from mmtoolkit.words import say

if TYPE_CHECKING:
    from mmtoolkit.embedding import Embeddings

__all__ = ["check_new", "classify", "cluster", "diff", "embed", "estimate", "project", "report", "search", "verify"]


def embed(arguments: Namespace) -> int:
    """Embed the items, and save the vectors where an option names a file."""
    if arguments.out:
        show.file_to_write(arguments.out, ".parquet")
    emb = _embedded(arguments)
    print(repr(emb)[1:-1])
    if arguments.out:
        emb.save(arguments.out)
        print(say("saved to {path}", path=Path(arguments.out).resolve()))
    return 0


def classify(arguments: Namespace) -> int:
    """Classify, print the scores, and write the files that the options name."""
    if arguments.save:
        show.folder_to_write(arguments.save, "--save")
    made = _shown(_classified, arguments)
    beside = show.beside(arguments)
    print("", *made.notes, sep="\n", file=beside)
    if arguments.save:
        made.save(arguments.save)
        print(say("classifier saved to {path}", path=Path(arguments.save).resolve()), file=beside)
    return _written([made], arguments)


def check_new(arguments: Namespace) -> int:
    """Classify INPUT, compare NEW with it, and write the files that the options name; return 1 when they differ."""
    if arguments.out:
        show.folder_to_write(arguments.out)
    old = _embedded(arguments)
    new = _embedded(
        Namespace(**{**vars(arguments), "input": arguments.new, "label": None, "model": arguments.model or old.model})
    )
    made = _classified(old, arguments)
    checked = mm.check_new(made, new, random_state=arguments.random_state)
    show.result(checked, arguments)
    _written([made, checked], arguments)
    return int(checked.alarm)


def cluster(arguments: Namespace) -> int:
    """Cluster, print the clusters, and write the files that the options name."""
    return _written([_shown(_clustered, arguments)], arguments)


def project(arguments: Namespace) -> int:
    """Make a map, print its trustworthiness, and write the files that the options name."""
    return _written([_shown(_projected, arguments)], arguments)


def search(arguments: Namespace) -> int:
    """Print the nearest items."""
    if (arguments.query is None) == (arguments.like is None):
        msg = "say what to look for: either a text or --like FILE"
        raise ValueError(msg)
    query: Any = arguments.query if arguments.like is None else mm.Image(arguments.like)
    emb = _embedded(arguments)
    found = mm.search(
        emb,
        query,
        k=arguments.k,
        rerank=arguments.rerank,
        candidates=arguments.candidates,
        budget=_left(arguments.budget, emb),
    )
    if arguments.json:
        show.result(found, arguments)
        return 0
    print(found._summary())
    show.table(found.table.set_index("rank")[["id", "score", "modality", "label", "text"]])
    return 0


def report(arguments: Namespace) -> int:
    """Embed, classify, cluster and map the items, and write a report."""
    from mmtoolkit.classification.targets import TooFewError

    show.folder_to_write(arguments.out)
    emb = _embedded(arguments)
    results = []
    if arguments.y in emb.items.columns and emb.items[arguments.y].notna().any():
        try:
            results.append(_classified(emb, arguments))
        except TooFewError as error:  # clusters and map need no classes
            show.note(say("no classification, because {why}", why=error.reason), arguments)
    elif arguments.y != "label":
        have = list(map(str, emb.items.columns))
        msg = f"--y {arguments.y!r} names no column with classes{did_you_mean(arguments.y, have)}; the columns are {', '.join(have)}"
        raise ValueError(msg)
    if arguments.names is None:
        arguments.names = _costs_nothing_to_name(emb)
        if not arguments.names:
            show.note(say("clusters have numbers; --names lets the model embed words to name them"), arguments)
    results += [_clustered(emb, arguments), _projected(emb, arguments)]
    title = arguments.title or Path(arguments.input).resolve().name
    with show.step(say("report")):
        page = show.save(results, arguments.out, title)
    for made in results:
        print(made._summary())
    print(page)
    return 0


def verify(arguments: Namespace) -> int:
    """Check a report; return 1 when it differs."""
    checked = mm.verify(
        arguments.report,
        items=arguments.items,
        vectors=arguments.vectors,
        cache=arguments.cache,
        allow_fetch=arguments.allow_fetch,
    )
    show.result(checked, arguments)
    return 0 if checked.ok else 1


def diff(arguments: Namespace) -> int:
    """Print what changed between two reports."""
    show.result(mm.diff(arguments.before, arguments.after), arguments)
    return 0


def estimate(arguments: Namespace) -> int:
    """Print the calls, tokens, cost and time that embedding would take."""
    show.result(
        mm.estimate(
            items_of(arguments),
            model=model_of(arguments),
            dimension=arguments.dimension,
            cache=arguments.cache,
            rerank=arguments.rerank,
            n_queries=arguments.n_queries,
            candidates=arguments.candidates,
        ),
        arguments,
    )
    return 0


def _left(budget: float | None, emb: Embeddings) -> float | None:
    """Return the part of the budget that embedding has not used."""
    return None if budget is None else max(0.0, budget - float(emb.usage.to_frame()["cost"].sum()))


def _embedded(arguments: Namespace) -> Embeddings:
    with show.step(say("embed")) as words:
        emb = embeddings_of(arguments)
        words.append(show.embedded(emb))
    return emb


def _shown(make: Callable[[Embeddings, Namespace], Any], arguments: Namespace) -> Any:
    """Make a result of INPUT and print it."""
    if arguments.out:
        show.folder_to_write(arguments.out)
    made = make(_embedded(arguments), arguments)
    show.result(made, arguments)
    return made


def _classified(emb: Embeddings, arguments: Namespace) -> Any:
    with show.step(say("classify")):
        return mm.classify(
            emb,
            arguments.y,
            cv=arguments.cv,
            test=arguments.test,
            test_after=_day(arguments.test_after),
            groups=arguments.groups,
            duplicates=arguments.duplicates,
            duplicate_threshold=arguments.duplicate_threshold,
            min_class_size=arguments.min_class_size,
            inference=arguments.inference,
            random_state=arguments.random_state,
        )


def _day(given: str | None) -> Any:
    """Return a day, or the column of dates and the day."""
    name, _, day = (given or "").rpartition("=")
    return [name, day] if name else given


def _clustered(emb: Embeddings, arguments: Namespace) -> Any:
    with show.step(say("cluster")):
        made = mm.cluster(emb, arguments.n_clusters, algorithm=arguments.algorithm, random_state=arguments.random_state)
        return made.with_names() if arguments.names else made


def _costs_nothing_to_name(emb: Embeddings) -> bool:
    """Return whether clusters get names without a service: texts are named by their own words, other items by the model."""
    if (emb.items["modality"] == "text").all():
        return True
    provider = make_provider(emb.model) if emb.model in mm.list_models() else None
    return provider is not None and provider.spec.revision == emb.revision and not provider.leaves_machine


def _projected(emb: Embeddings, arguments: Namespace) -> Any:
    with show.step(say("project")):
        return mm.project(emb, method=arguments.method, random_state=arguments.random_state)


def _written(results: list[Any], arguments: Namespace) -> int:
    if arguments.out:
        page = show.save(results, arguments.out, Path(arguments.input).resolve().name)
        print(f"\n{page}", file=show.beside(arguments))
    return 0
