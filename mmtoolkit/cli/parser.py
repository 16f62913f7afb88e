"""The table of commands: name, help, function, arguments and examples of each; and the parser made from it."""

from __future__ import annotations

import argparse
import functools
import importlib
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from mmtoolkit import __version__
from mmtoolkit._arguments import SEEDS
from mmtoolkit._text import did_you_mean, shorten
from mmtoolkit.words import LANGUAGES

__all__ = ["COMMANDS", "Argument", "Command", "make_parser"]

_LANGUAGE = "of reports and summaries (default: MMTOOLKIT_LANGUAGE, else en)"
_ABOUT = "Sort, group, label and explain pictures, texts and videos; write reports that can be verified."
_START = """examples:
  mmtoolkit demo                                    look at a whole report, offline, in about a minute
  mmtoolkit report photos/ --model local            sub-folders are classes; writes out/report.html
  mmtoolkit verify out/report.json                  compute everything again and compare

A command's own help: mmtoolkit COMMAND --help. Exit codes: 0 done, 1 failed or differs, 2 bad usage, 130 stopped."""


@dataclass(frozen=True)
class Argument:
    """One argument of a command.

    Parameters
    ----------
    names : sequence of str
        As ``add_argument`` takes them.
    options : mapping
        As ``add_argument`` takes them.
    group : str
        Heading in the help; "" is the common one.
    exclusive : bool
        Whether it excludes the other exclusive arguments of its group.
    """

    names: Sequence[str]
    options: Mapping[str, Any]
    group: str = ""
    exclusive: bool = False


@dataclass(frozen=True)
class Command:
    """One row of the table of commands.

    Parameters
    ----------
    name : str
        What a user types.
    about : str
        One line of help, starting with a small letter.
    run : str
        Function that does it, as module:name below ``mmtoolkit.cli``; it is imported when it is called.
    arguments : sequence of Argument
        In the order of the help.
    examples : sequence of str
        Command lines, at least one.
    commands : sequence of Command
        Its own sub-commands.
    """

    name: str
    about: str
    run: str
    arguments: Sequence[Argument]
    examples: Sequence[str]
    commands: Sequence[Command] = ()


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the table; each command's function stands in ``run``.

    Returns
    -------
    ArgumentParser
        Of ``mmtoolkit``.

    Examples
    --------
    >>> make_parser().parse_args(["cluster", "photos/", "--n-clusters", "5-20"]).n_clusters
    range(5, 21)
    """
    parser = _Parser(
        "mmtoolkit", description=_ABOUT, epilog=_START, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"mmtoolkit {__version__}")
    _add_commands(parser, COMMANDS)
    return parser


class _Parser(argparse.ArgumentParser):
    """A parser whose errors say which command or option was probably meant."""

    def error(self, message: str) -> NoReturn:
        """Print the mistake and exit."""
        wrong = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)|unrecognized arguments: (\S+)", message)
        if wrong is None:
            super().error(shorten(message, 1500))
        name = wrong[1] if wrong[3] is None else wrong[3].partition("=")[0]
        known = re.findall(r"[\w.-]+", wrong[2]) if wrong[3] is None else _options(COMMANDS)
        super().error(f"{shorten(message, 1500)}{did_you_mean(name, known)}")


def _options(commands: Sequence[Command]) -> set[str]:
    """Return the options of all commands."""
    own = {name for row in commands for one in row.arguments for name in one.names if name.startswith("-")}
    return own.union(*(_options(row.commands) for row in commands))


def _add_commands(parser: argparse.ArgumentParser, commands: Sequence[Command]) -> None:
    """Add rows of the table to a parser."""
    places = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for row in commands:
        examples = "\n".join(["examples:", *(f"  {line}" for line in row.examples)])
        command = places.add_parser(
            row.name,
            help=row.about,
            description=f"{row.about[0].upper()}{row.about[1:]}.",
            epilog=examples,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.set_defaults(run=functools.partial(_run, row.run), options=_in_python(row.arguments))
        _add_arguments(command, row.arguments)
        if row.commands:
            _add_commands(command, row.commands)
        else:
            command.add_argument("--language", choices=LANGUAGES, help=_LANGUAGE)


def _add_arguments(command: argparse.ArgumentParser, arguments: Sequence[Argument]) -> None:
    """Add arguments to a command, each to its group."""
    groups: dict[tuple[str, bool], Any] = {("", False): command}
    for one in arguments:
        group = groups.get((one.group, False))
        if group is None:
            group = groups[one.group, False] = command.add_argument_group(one.group)
        if one.exclusive:
            if (one.group, True) not in groups:
                groups[one.group, True] = group.add_mutually_exclusive_group()
            group = groups[one.group, True]
        group.add_argument(*one.names, **one.options)


def _in_python(arguments: Sequence[Argument]) -> dict[str, str]:
    """Return the options by their names in Python: ``on_error``, or ``cache=False`` for an option without a value."""
    spelled = {}
    for one in arguments:
        name, action = one.names[-1], one.options.get("action", "")
        if name.startswith("-"):
            dest = str(one.options.get("dest", name.lstrip("-").replace("-", "_")))
            value = one.options.get("const", {"store_true": True, "store_false": False}.get(action))
            spelled[dest if value is None else f"{dest}={value}"] = name
    return spelled


def _run(where: str, arguments: argparse.Namespace) -> int:
    """Import a function and call it."""
    module, _, function = where.partition(":")
    return int(getattr(importlib.import_module(f"mmtoolkit.cli.{module}"), function)(arguments))


def _seed(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) in SEEDS:
        return int(text)
    msg = f"expected a whole number from 0 to 2**32 - 1, got {text!r}"
    raise argparse.ArgumentTypeError(msg)


def _words(text: str) -> str:
    """Return the typed arguments as UTF-8; in a terminal that claims to be ASCII only, Python does not decode them."""
    try:
        return os.fsencode(text).decode("utf-8")
    except UnicodeError:
        return text


def _whole(text: str) -> int | None:
    """Return a whole number; None for what is none, or has more digits than anything can be counted with."""
    return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else None


def _at_least(lowest: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        value = _whole(text)
        if value is None or value < lowest:
            msg = f"expected a whole number from {lowest} on, got {text!r}"
            raise argparse.ArgumentTypeError(msg)
        return value

    return convert


def _amount(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if 0 <= value < math.inf:
        return value
    msg = f"expected an amount from 0 on, such as 2.50, got {text!r}"
    raise argparse.ArgumentTypeError(msg)


def _numbers(text: str) -> int | range:
    first, dash, last = text.partition("-")
    low, high = _whole(first), _whole(last if dash else first)
    if low is not None and high is not None and low <= high:
        return range(low, high + 1) if dash else low
    msg = f"expected a number such as 8 or a range such as 5-20, got {text!r}"
    raise argparse.ArgumentTypeError(msg)


def _argument(*names: str, group: str = "", exclusive: bool = False, **options: Any) -> Argument:
    return Argument(names, options, group, exclusive)


_COLUMNS, _MODEL = "columns of a table", "model and cache"
_ITEMS = (
    _argument(
        "input",
        metavar="INPUT",
        help="a folder (sub-folders are classes), a table (.csv, .tsv, .jsonl, .parquet, .xlsx), saved vectors, or a data set's name",
    ),
    _argument(
        "--texts", action="store_true", help="take the text files of a folder, also where they lie beside pictures"
    ),
    *(
        _argument(f"--{role}", group=_COLUMNS, metavar="COLUMN", type=_words, help=f"column to take as {role}")
        for role in ("id", "text", "image", "video", "label")
    ),
    _argument(
        "--modality", group=_COLUMNS, choices=("text", "image", "video", "fused"), help="what to embed of every row"
    ),
    _argument(
        "--model",
        group=_MODEL,
        help="such as local or tongyi-embedding-vision-plus (default: MMTOOLKIT_MODEL, else by API key, else local)",
    ),
    _argument(
        "--dimension",
        group=_MODEL,
        type=_at_least(1),
        metavar="N",
        help="number of features, one that the model has",
    ),
    _argument("--region", group=_MODEL, help="region of the service, such as singapore"),
    _argument(
        "--cache",
        group=_MODEL,
        exclusive=True,
        metavar="DIR",
        help="store of vectors (default: MMTOOLKIT_CACHE, else the user's cache folder)",
    ),
    _argument(
        "--no-cache",
        group=_MODEL,
        exclusive=True,
        action="store_const",
        const=False,
        dest="cache",
        help="keep nothing",
    ),
    _argument(
        "--on-error",
        group=_MODEL,
        choices=("raise", "nan"),
        default="raise",
        help="fail on items that cannot be embedded, or leave them out (nan)",
    ),
    _argument(
        "--budget",
        group=_MODEL,
        type=_amount,
        metavar="AMOUNT",
        help="stop before the cost crosses this, in the currency of the price",
    ),
)
_CLASSIFY = (
    _argument("--y", default="label", type=_words, metavar="COLUMN", help="column of classes (default: label)"),
    _argument("--cv", type=_at_least(2), default=5, metavar="N", help="number of folds (default: 5)"),
    _argument("--test", metavar="COLUMN", type=_words, help="a fixed split: the column that holds 'test'"),
    _argument(
        "--test-after",
        metavar="[COLUMN=]DAY",
        type=_words,
        help="a split in time: test items dated after this day, month or year, such as taken=2026-03",
    ),
    _argument(
        "--groups", metavar="COLUMN", type=_words, help="items of one group never stand on both sides of a split"
    ),
    _argument(
        "--min-class-size",
        type=_at_least(1),
        metavar="N",
        help="leave classes with fewer items out of scoring and training (default: the number of folds)",
    ),
    _argument(
        "--duplicates",
        choices=("group", "ignore"),
        default="group",
        help="keep duplicates on one side (default: group)",
    ),
    _argument(
        "--duplicate-threshold",
        type=_amount,
        metavar="COSINE",
        help="from which cosine on two items are near duplicates (default: by model and modality)",
    ),
    _argument(
        "--no-inference",
        action="store_false",
        dest="inference",
        help="leave out intervals and the test against chance: faster (default: with them)",
    ),
)
_CLUSTER = (
    _argument(
        "--n-clusters",
        type=_numbers,
        metavar="N | LOW-HIGH",
        help="a number or a range to choose from (default: choose)",
    ),
    _argument("--algorithm", choices=("kmeans", "hdbscan"), default="kmeans", help="default: kmeans"),
    _argument("--names", action="store_true", default=None, help="name the clusters with words"),
)
_PROJECT = (_argument("--method", choices=("umap", "pca", "tsne"), default="umap", help="default: umap"),)
_RERANK = (
    _argument("--rerank", metavar="MODEL", help="order the nearest again with this model, such as qwen3-vl-rerank"),
    _argument("--candidates", type=_at_least(1), default=50, metavar="N", help="how many to order again (default: 50)"),
)
_JSON = _argument("--json", action="store_true", help="print the whole result as JSON, and all else on stderr")
_SEED = _argument("--random-state", type=_seed, default=0, metavar="N", help="seed (default: 0)")
_PAGES = (
    _SEED,
    _JSON,
    _argument("--out", metavar="DIR", help="write report.html, .md, .json and items.csv there (default: only print)"),
)
_FOLDER = _argument("--out", default="out", metavar="DIR", help="where report.html, .md and .json go (default: out)")
_STORE = _argument("--cache", metavar="DIR", help="the store (default: MMTOOLKIT_CACHE, else the user's cache folder)")
_OF_MODEL = _argument("--model", help="only vectors of this model")
_OF_REVISION = _argument("--revision", help="only vectors of this revision of the model, as `cache stats` shows it")
_FILE = _argument("file", metavar="FILE.parquet")

COMMANDS = (
    Command(
        "demo",
        "cluster, classify and map a data set that comes along, offline, and write a report",
        "demonstration:demo",
        (_FOLDER,),
        ("mmtoolkit demo", "mmtoolkit demo --out somewhere/"),
    ),
    Command(
        "embed",
        "turn items into vectors, paying for each only once",
        "commands:embed",
        (
            *_ITEMS,
            _argument("--out", metavar="FILE.parquet", help="save vectors, ids and columns (default: only the cache)"),
        ),
        (
            "mmtoolkit embed photos/ --model local --out vectors.parquet",
            "mmtoolkit embed shop.csv --id sku --image file --label kind --model tongyi-embedding-vision-plus",
        ),
    ),
    Command(
        "classify",
        "train a classifier and score it honestly on items it has not seen",
        "commands:classify",
        (*_ITEMS, *_CLASSIFY, _argument("--save", metavar="DIR", help="save the fitted classifier"), *_PAGES),
        (
            "mmtoolkit classify photos/ --model local --out out/",
            "mmtoolkit classify texts.csv --text body --y topic",
        ),
    ),
    Command(
        "check-new",
        "say whether new items are like old ones, and what score to expect on them; exit code 1 when they differ",
        "commands:check_new",
        (
            *_ITEMS,
            _argument(
                "new", metavar="NEW", help="the new items: a folder, a table or saved vectors; labels are not needed"
            ),
            *_CLASSIFY,
            *_PAGES,
        ),
        (
            "mmtoolkit check-new may/ june/ --model local",
            "mmtoolkit check-new may.csv june.csv --text body --y topic --out june/",
        ),
    ),
    Command(
        "cluster",
        "group items by their vectors",
        "commands:cluster",
        (*_ITEMS, *_CLUSTER, *_PAGES),
        (
            "mmtoolkit cluster photos/ --model local",
            "mmtoolkit cluster photos/ --n-clusters 5-20 --names --out out/",
        ),
    ),
    Command(
        "project",
        "place items on a map",
        "commands:project",
        (*_ITEMS, *_PROJECT, *_PAGES),
        ("mmtoolkit project photos/ --model local --out out/",),
    ),
    Command(
        "search",
        "find the items nearest to a text or a picture",
        "commands:search",
        (
            *_ITEMS,
            _argument("query", nargs="?", type=_words, help="a text"),
            _argument("--like", metavar="FILE", help="a picture instead of a text"),
            _argument("-k", type=_at_least(1), default=10, metavar="N", help="how many to show (default: 10)"),
            *_RERANK,
            _JSON,
        ),
        (
            'mmtoolkit search photos/ "a red bird" -k 5',
            "mmtoolkit search photos/ --like query.jpg",
            'mmtoolkit search photos/ "a red bird" --rerank qwen3-vl-rerank --budget 0.5',
        ),
    ),
    Command(
        "report",
        "classify (where there are classes), cluster and map items, and write a report",
        "commands:report",
        (
            *_ITEMS,
            *_CLASSIFY,
            *_CLUSTER,
            _argument(
                "--no-names",
                action="store_false",
                dest="names",
                help="leave the clusters without names (default: names, where no service has to embed words for them)",
            ),
            *_PROJECT,
            _argument("--title", type=_words, help="heading (default: the input's name)"),
            _FOLDER,
            _SEED,
        ),
        (
            'mmtoolkit report photos/ --model local --title "My photos"',
            "mmtoolkit report texts.csv --text body --y topic --out june/",
        ),
    ),
    Command(
        "verify",
        "compute a report again from cached or saved vectors and compare; exit code 1 unless it stands",
        "commands:verify",
        (
            _argument(
                "report",
                metavar="REPORT.json",
                help="written by report, demo or Report.save; or the page REPORT.html, with REPORT.json beside it",
            ),
            _argument(
                "--items", metavar="FILE_OR_FOLDER", help="the items, to compare them too (default: where they were)"
            ),
            _argument("--vectors", metavar="FILE.parquet", help="vectors saved by embed (default: the cache)"),
            _argument("--cache", metavar="DIR", help="cache to look in (default: the user's)"),
            _argument("--allow-fetch", action="store_true", help="let a service compute vectors that are missing"),
            _JSON,
        ),
        (
            "mmtoolkit verify out/report.json",
            "mmtoolkit verify out/report.html",
            "mmtoolkit verify report.json --items photos/ --vectors vectors.parquet",
        ),
    ),
    Command(
        "diff",
        "say what changed between two reports: items, classes, scores, groups, settings, versions",
        "commands:diff",
        (
            _argument(
                "before", metavar="BEFORE.json", help="the older report: report.json, or report.html with it beside"
            ),
            _argument("after", metavar="AFTER.json", help="the newer one"),
            _JSON,
        ),
        ("mmtoolkit diff may/report.json june/report.json",),
    ),
    Command(
        "estimate",
        "say what embedding and reranking would take, without sending anything",
        "commands:estimate",
        (
            *_ITEMS,
            *_RERANK,
            _argument(
                "--queries",
                type=_at_least(1),
                default=1,
                metavar="N",
                dest="n_queries",
                help="how many searches to rerank (default: 1)",
            ),
            _JSON,
        ),
        (
            "mmtoolkit estimate photos/ --model tongyi-embedding-vision-plus",
            "mmtoolkit estimate photos/ --model local --rerank qwen3-vl-rerank --queries 100",
        ),
    ),
    Command(
        "doctor",
        "say what is installed and found here: versions, extras, API key, cache, Jupyter, Java; exit code 1 when something is wrong",
        "inventory:doctor",
        (_STORE, _JSON),
        ("mmtoolkit doctor", "mmtoolkit doctor --json"),
    ),
    Command(
        "cache",
        "look after the store of vectors",
        "stores:stats",
        (),
        ("mmtoolkit cache stats", "mmtoolkit cache verify"),
        (
            Command(
                "stats",
                "how many vectors of which model, and their size",
                "stores:stats",
                (_STORE,),
                ("mmtoolkit cache stats",),
            ),
            Command(
                "verify",
                "check every vector against its checksum; exit code 1 when some are damaged",
                "stores:verify",
                (
                    _STORE,
                    _argument("--repair", action="store_true", help="drop what is damaged and write the index anew"),
                ),
                ("mmtoolkit cache verify --repair",),
            ),
            Command(
                "prune",
                "drop vectors, by model, age or size",
                "stores:prune",
                (
                    _STORE,
                    _OF_MODEL,
                    _OF_REVISION,
                    _argument("--older-than", metavar="AGE", help="only vectors stored longer ago, such as 30d or 12h"),
                    _argument(
                        "--max-size", metavar="SIZE", help="drop the oldest until the rest is not larger, such as 2GB"
                    ),
                    _argument(
                        "--superseded",
                        action="store_true",
                        help="only vectors of a revision that its model no longer has; what a service computed is kept",
                    ),
                ),
                (
                    "mmtoolkit cache prune --model local --older-than 30d",
                    "mmtoolkit cache prune --max-size 2GB",
                    "mmtoolkit cache prune --superseded",
                ),
            ),
            Command(
                "compact",
                "give unused room back to the disk",
                "stores:compact",
                (_STORE,),
                ("mmtoolkit cache compact",),
            ),
            Command(
                "export",
                "write the vectors of one model to a Parquet file",
                "stores:export",
                (
                    _STORE,
                    _FILE,
                    _OF_MODEL,
                    _argument("--dimension", type=_at_least(1), metavar="N", help="only vectors with so many features"),
                    _argument(
                        "--revision", help="only vectors of this revision of the model, as `cache stats` shows it"
                    ),
                ),
                ("mmtoolkit cache export vectors.parquet --model local",),
            ),
            Command(
                "import",
                "take vectors from a Parquet file",
                "stores:import_",
                (_STORE, _FILE, _OF_MODEL),
                ("mmtoolkit cache import vectors.parquet",),
            ),
        ),
    ),
)
