"""The arguments of every command, with their types, help and examples."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from typing import Any

from mmtoolkit import __version__
from mmtoolkit._arguments import SEEDS

__all__ = ["make_parser"]

_ABOUT = "Sort, group, label and explain pictures, texts and videos; write reports that can be verified."
_START = """examples:
  mmtoolkit demo                                    look at a whole report, offline, in about a minute
  mmtoolkit report photos/ --model local            sub-folders are classes; writes out/report.html
  mmtoolkit verify out/report.json                  compute everything again and compare

A command's own help: mmtoolkit COMMAND --help. Exit codes: 0 done, 1 failed or differs, 2 bad usage, 130 stopped."""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser; each command's function stands in ``run`` and is imported when it is called."""
    parser = argparse.ArgumentParser("mmtoolkit", description=_ABOUT, epilog=_START, formatter_class=_Formatter)
    parser.add_argument("--version", action="version", version=f"mmtoolkit {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in (_demo, _embed, _classify, _cluster, _project, _search, _report, _verify, _estimate, _cache):
        add(commands)
    return parser


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of examples."""


def _command(commands: Any, name: str, about: str, run: str, examples: str = "") -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        name,
        help=about,
        description=f"{about[0].upper()}{about[1:]}.",
        epilog=f"examples:\n{examples}" if examples else None,
        formatter_class=_Formatter,
    )
    command.set_defaults(run=_late(run))
    return command


def _late(where: str) -> Callable[[argparse.Namespace], int]:
    module, _, function = where.partition(":")

    def run(arguments: argparse.Namespace) -> int:
        return int(getattr(importlib.import_module(f"mmtoolkit.cli.{module}"), function)(arguments))

    return run


def _demo(commands: Any) -> None:
    command = _command(
        commands, "demo", "cluster, classify and map a data set that comes along, offline, and write a report", "demonstration:demo",
        "  mmtoolkit demo\n  mmtoolkit demo --out somewhere/",
    )  # fmt: skip
    command.add_argument(
        "--out", default="out", metavar="DIR", help="where report.html, .md and .json go (default: out)"
    )


def _embed(commands: Any) -> None:
    command = _command(
        commands, "embed", "turn items into vectors, paying for each only once", "commands:embed",
        "  mmtoolkit embed photos/ --model local --out vectors.parquet\n"
        "  mmtoolkit embed shop.csv --id sku --image file --label kind --model tongyi-embedding-vision-plus",
    )  # fmt: skip
    _items(command)
    command.add_argument(
        "--out", metavar="FILE.parquet", help="save vectors, ids and columns (default: only the cache)"
    )


def _classify(commands: Any) -> None:
    command = _command(
        commands, "classify", "train a classifier and score it honestly on items it has not seen", "commands:classify",
        "  mmtoolkit classify photos/ --model local --out out/\n  mmtoolkit classify texts.csv --text body --y topic",
    )  # fmt: skip
    _items(command)
    _classify_options(command)
    command.add_argument("--save", metavar="DIR", help="save the fitted classifier")
    _out(command)


def _classify_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--y", default="label", metavar="COLUMN", help="column of classes (default: label)")
    command.add_argument("--cv", type=_at_least(2), default=5, metavar="N", help="number of folds (default: 5)")
    command.add_argument("--test", metavar="COLUMN", help="a fixed split: the column that holds 'test'")
    command.add_argument("--groups", metavar="COLUMN", help="items of one group never stand on both sides of a split")
    command.add_argument(
        "--duplicates",
        choices=("group", "ignore"),
        default="group",
        help="keep duplicates on one side (default: group)",
    )


def _cluster(commands: Any) -> None:
    command = _command(
        commands, "cluster", "group items by their vectors", "commands:cluster",
        "  mmtoolkit cluster photos/ --model local\n  mmtoolkit cluster photos/ --n-clusters 5-20 --names --out out/",
    )  # fmt: skip
    _items(command)
    _cluster_options(command)
    _out(command)


def _cluster_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--n-clusters",
        type=_numbers,
        metavar="N | LOW-HIGH",
        help="a number or a range to choose from (default: choose)",
    )
    command.add_argument("--algorithm", choices=("kmeans", "hdbscan"), default="kmeans", help="default: kmeans")
    command.add_argument("--names", action="store_true", help="name the clusters with words")


def _project(commands: Any) -> None:
    command = _command(
        commands,
        "project",
        "place items on a map",
        "commands:project",
        "  mmtoolkit project photos/ --model local --out out/",
    )
    _items(command)
    _project_options(command)
    _out(command)


def _project_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--method", choices=("umap", "pca", "tsne"), default="umap", help="default: umap")


def _search(commands: Any) -> None:
    command = _command(
        commands, "search", "find the items nearest to a text or a picture", "commands:search",
        '  mmtoolkit search photos/ "a red bird" -k 5\n  mmtoolkit search photos/ --like query.jpg',
    )  # fmt: skip
    _items(command)
    command.add_argument("query", nargs="?", help="a text")
    command.add_argument("--like", metavar="FILE", help="a picture instead of a text")
    command.add_argument("-k", type=_at_least(1), default=10, metavar="N", help="how many to show (default: 10)")


def _report(commands: Any) -> None:
    command = _command(
        commands, "report", "classify (where there are classes), cluster and map items, and write a report", "commands:report",
        '  mmtoolkit report photos/ --model local --title "My photos"\n  mmtoolkit report texts.csv --text body --y topic --out june/',
    )  # fmt: skip
    _items(command)
    _classify_options(command)
    _cluster_options(command)
    _project_options(command)
    command.add_argument("--title", help="heading (default: the input's name)")
    command.add_argument(
        "--out", default="out", metavar="DIR", help="where report.html, .md and .json go (default: out)"
    )
    _random_state(command)


def _verify(commands: Any) -> None:
    command = _command(
        commands, "verify", "compute a report again from cached or saved vectors and compare; exit code 1 unless it stands",
        "commands:verify",
        "  mmtoolkit verify out/report.json\n  mmtoolkit verify report.json --items photos/ --vectors vectors.parquet",
    )  # fmt: skip
    command.add_argument("report", metavar="REPORT.json", help="written by report, demo or Report.save")
    command.add_argument(
        "--items", metavar="FILE_OR_FOLDER", help="the items, to compare them too (default: where they were)"
    )
    command.add_argument("--vectors", metavar="FILE.parquet", help="vectors saved by embed (default: the cache)")
    command.add_argument("--cache", metavar="DIR", help="cache to look in (default: the user's)")
    command.add_argument("--allow-fetch", action="store_true", help="let a service compute vectors that are missing")


def _estimate(commands: Any) -> None:
    command = _command(
        commands, "estimate", "say what embedding would take, without sending anything", "commands:estimate",
        "  mmtoolkit estimate photos/ --model tongyi-embedding-vision-plus",
    )  # fmt: skip
    _items(command)


def _cache(commands: Any) -> None:
    command = _command(
        commands,
        "cache",
        "look after the store of vectors",
        "stores:stats",
        "  mmtoolkit cache stats\n  mmtoolkit cache verify",
    )
    inner = command.add_subparsers(title="commands", metavar="COMMAND", required=True)
    about = {
        "stats": "how many vectors of which model, and their size",
        "verify": "check every vector against its checksum; exit code 1 when some are damaged",
        "prune": "drop vectors, by model, age or size",
        "compact": "give unused room back to the disk",
        "export": "write the vectors of one model to a Parquet file",
        "import": "take vectors from a Parquet file",
    }
    for name, words in about.items():
        sub = _command(inner, name, words, "stores:import_" if name == "import" else f"stores:{name}")
        sub.add_argument(
            "--cache", metavar="DIR", help="the store (default: MMTOOLKIT_CACHE, else the user's cache folder)"
        )
        if name in ("export", "import"):
            sub.add_argument("file", metavar="FILE.parquet")
        if name in ("prune", "export", "import"):
            sub.add_argument("--model", help="only vectors of this model")
        if name == "export":
            sub.add_argument("--dimension", type=_at_least(1), metavar="N", help="only vectors with so many features")
        if name == "prune":
            sub.add_argument("--older-than", metavar="AGE", help="only vectors stored longer ago, such as 30d or 12h")
            sub.add_argument(
                "--max-size", metavar="SIZE", help="drop the oldest until the rest is not larger, such as 2GB"
            )
        if name == "verify":
            sub.add_argument("--repair", action="store_true", help="drop what is damaged and write the index anew")


def _items(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "input",
        metavar="INPUT",
        help="a folder (sub-folders are classes), a .csv, .tsv or .parquet table, saved vectors, or a data set's name",
    )
    columns = command.add_argument_group("columns of a table")
    for role in ("id", "text", "image", "video", "label"):
        columns.add_argument(f"--{role}", metavar="COLUMN", help=f"column to take as {role}")
    columns.add_argument("--modality", choices=("text", "image", "video", "fused"), help="what to embed of every row")
    model = command.add_argument_group("model and cache")
    model.add_argument(
        "--model",
        help="such as local or tongyi-embedding-vision-plus (default: MMTOOLKIT_MODEL, else by API key, else local)",
    )
    model.add_argument("--dimension", type=_at_least(1), metavar="N", help="number of features, one that the model has")
    model.add_argument("--region", help="region of the service, such as singapore")
    store = model.add_mutually_exclusive_group()
    store.add_argument(
        "--cache", metavar="DIR", help="store of vectors (default: MMTOOLKIT_CACHE, else the user's cache folder)"
    )
    store.add_argument("--no-cache", action="store_true", help="keep nothing")
    model.add_argument(
        "--on-error",
        choices=("raise", "nan"),
        default="raise",
        help="fail on items that cannot be embedded, or leave them out (nan)",
    )
    model.add_argument(
        "--budget", type=float, metavar="AMOUNT", help="stop before the cost crosses this, in the currency of the price"
    )


def _out(command: argparse.ArgumentParser) -> None:
    _random_state(command)
    command.add_argument(
        "--out", metavar="DIR", help="write report.html, .md, .json and items.csv there (default: only print)"
    )


def _random_state(command: argparse.ArgumentParser) -> None:
    command.add_argument("--random-state", type=_seed, default=0, metavar="N", help="seed (default: 0)")


def _seed(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) in SEEDS:
        return int(text)
    msg = f"expected a whole number from 0 to 2**32 - 1, got {text!r}"
    raise argparse.ArgumentTypeError(msg)


def _at_least(lowest: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        value = int(text) if text.lstrip("-").isdigit() else None
        if value is None or value < lowest:
            msg = f"expected a whole number from {lowest} on, got {text!r}"
            raise argparse.ArgumentTypeError(msg)
        return value

    return convert


def _numbers(text: str) -> int | range:
    low, dash, high = text.partition("-")
    if low.isdigit() and (high.isdigit() if dash else True) and (not dash or int(low) <= int(high)):
        return range(int(low), int(high) + 1) if dash else int(low)
    msg = f"expected a number such as 8 or a range such as 5-20, got {text!r}"
    raise argparse.ArgumentTypeError(msg)
