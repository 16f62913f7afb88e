"""``mmtoolkit doctor``: what is installed and set up here, for users and for those who help them."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from argparse import Namespace
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

import mmtoolkit as mm
from mmtoolkit.cli import show
from mmtoolkit.errors import MMToolkitError
from mmtoolkit.figures.fonts import chinese_font
from mmtoolkit.providers.choice import readiness
from mmtoolkit.spark import java_problem
from mmtoolkit.words import aside, listed, say, speaking, title

__all__ = ["doctor"]

Finding = tuple[str, str, str]  # a name; "ok", "absent" or "wrong"; words
_SHOWN = {"ok": "ok", "absent": "-", "wrong": "WRONG"}
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")


def doctor(arguments: Namespace) -> int:
    """Print what is installed and set up; return 1 when a needed part is missing or wrong. Nothing is sent, no secret is shown."""
    with speaking("en" if arguments.json else None):  # programs read it
        return _told(arguments)


def _told(arguments: Namespace) -> int:
    found: dict[str, list[Finding]] = {
        "system": list(_system()),
        "libraries": list(_libraries()),
        "extras": list(_extras()),
        "model": readiness(),
        "cache": [_cache(arguments.cache)],
        "notebook": list(_notebook()),
        "programs": list(_programs()),
    }
    if arguments.json:
        show.document(
            {
                group: {name: {"state": state, "words": words} for name, state, words in rows}
                for group, rows in found.items()
            }
        )
    else:
        for group, rows in found.items():
            print(title(group))
            for name, state, words in rows:
                print(f"  {show.padded(title(_SHOWN[state]), 6)}{show.padded(_called(group, name), 20)}{words}")
    wrong = [_called(group, name) for group, rows in found.items() for name, state, _ in rows if state == "wrong"]
    told = say("wrong: {names}", names=listed(wrong)) if wrong else say("all that is needed is here")
    print(f"\n{told}", file=show.beside(arguments))
    return 1 if wrong else 0


def _called(group: str, name: str) -> str:
    """Return a name in the reader's language; names of packages and extras stay as they are typed."""
    return name if group in ("libraries", "extras", "notebook") else title(name)


def _system() -> Iterator[Finding]:
    yield "mmtoolkit", "ok", say("{version} at {path}", version=mm.__version__, path=Path(mm.__file__).parent)
    yield "Python", "ok", say("{version} at {path}", version=platform.python_version(), path=sys.executable)
    cores = say("{n} core", "{n} cores", n=os.cpu_count() or 1)
    yield "machine", "ok", listed([platform.platform(), cores])
    encoding = str(getattr(sys.stdout, "encoding", "")).lower()
    writes = say("writes {encoding}", encoding=encoding or "bytes")
    lacking = say("letters that it lacks are printed as ?, PYTHONUTF8=1 changes that")
    yield "terminal", "ok", aside(writes, "" if encoding.startswith("utf") else lacking)
    proxies = [name for name in os.environ if name.lower() in ("http_proxy", "https_proxy", "all_proxy", "no_proxy")]
    if proxies:  # their values may hold a password
        yield (
            "proxy",
            "ok",
            say(
                "set by {names}; used only where trust_env=True is passed to a provider in Python",
                names=listed(sorted(proxies)),
            ),
        )


def _requirements() -> list[Requirement]:
    """Return the requirements of the installed distribution; empty where the package runs from a source folder."""
    try:
        return [Requirement(line) for line in metadata.requires("mmtoolkit") or []]
    except metadata.PackageNotFoundError:
        return []


def _wanted(one: Requirement, extra: str) -> bool:
    return one.marker is None or one.marker.evaluate({"extra": extra})


def _installed(one: Requirement) -> Finding:
    """Compare an installed version with the required one."""
    command = f'pip install "{one.name}{one.specifier}"'
    try:
        version = metadata.version(one.name)
    except metadata.PackageNotFoundError:
        return one.name, "wrong", say("not installed: {command}", command=command)
    if not one.specifier.contains(version, prereleases=True):
        words = say("{version}, expected {asked}: {command}", version=version, asked=one.specifier, command=command)
        return one.name, "wrong", words
    return one.name, "ok", version


def _libraries() -> Iterator[Finding]:
    core = [one for one in _requirements() if _wanted(one, "")]
    if not core:
        yield "mmtoolkit", "absent", say("run from sources, so that nothing says which versions it needs")
    yield from map(_installed, core)


def _extras() -> Iterator[Finding]:
    rows: dict[str, list[Finding]] = {}
    for one in _requirements():
        for extra in [] if _wanted(one, "") else metadata.metadata("mmtoolkit").get_all("Provides-Extra") or []:
            if _wanted(one, extra):
                rows.setdefault(extra, []).append(_installed(one))
    for extra, found in rows.items():
        complete = all(state == "ok" for _, state, _ in found)
        words = listed(f"{name} {words}" for name, _, words in found)
        yield extra, *(("ok", words) if complete else ("absent", f'pip install "mmtoolkit[{extra}]"'))


def _cache(path: str | None) -> Finding:
    """Return where vectors are kept, how many there are, and whether more can be written."""
    store = mm.EmbeddingCache(path, read_only=True)
    where = os.fspath(store.path)
    above = next(folder for folder in (store.path, *store.path.parents) if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        return "vectors", "wrong", say("{path} cannot be written: set MMTOOLKIT_CACHE to a folder that can", path=where)
    if above != store.path:
        return "vectors", "ok", say("{path}, made at the first use", path=where)
    try:
        held = store.stats()
    except MMToolkitError as error:
        return "vectors", "wrong", str(error)
    kept = say("{n:,} vector", "{n:,} vectors", n=int(held["vectors"].sum()))
    models = say("{n} model", "{n} models", n=held["model"].nunique())
    size = f"{held['size_bytes'].sum() / 1e6:,.1f} MB"
    return "vectors", "ok", say("{what}: {told}", what=where, told=listed([kept, models, size]))


def _notebook() -> Iterator[Finding]:
    yield _installed(Requirement("jupyterlab_widgets"))  # the explorer's front end
    for name, purpose in (("ipykernel", say("Python in notebooks")), ("jupyterlab", say("notebooks in a browser"))):
        _, state, words = _installed(Requirement(name))
        yield (
            name,
            *(
                ("ok", words)
                if state == "ok"
                else ("absent", say("not in this environment: pip install {name} for {what}", name=name, what=purpose))
            ),
        )


def _programs() -> Iterator[Finding]:
    problem = java_problem()
    yield (
        "Java",
        *(("absent", aside(problem, say("only Spark needs it"))) if problem else ("ok", say("Spark can start it"))),
    )
    font = chinese_font()
    if font is not None:
        lacking = say(
            "none found: Chinese in figures as PNG files is empty boxes; Debian: apt-get install fonts-noto-cjk"
        )
        yield "Chinese font", *(("ok", font) if font else ("absent", lacking))
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    yield (
        "Chromium",
        *(("ok", browser) if browser else ("absent", say("none found; only figures as PNG files need it"))),
    )
