"""``mmtoolkit doctor``: what is installed and found here, for a person who wonders, or who answers one that does."""

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
from mmtoolkit.providers.choice import readiness
from mmtoolkit.spark import java_problem

__all__ = ["doctor"]

Finding = tuple[str, str, str]  # a name; "ok", "absent" or "wrong"; words
_SHOWN = {"ok": "ok", "absent": "-", "wrong": "WRONG"}
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")


def doctor(arguments: Namespace) -> int:
    """Print what is found; 1 when something that is needed is missing or wrong. Nothing is sent, no secret is shown."""
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
            print(f"{group}")
            for name, state, words in rows:
                print(f"  {_SHOWN[state]:<6}{name:<20}{words}")
    wrong = [name for rows in found.values() for name, state, _ in rows if state == "wrong"]
    print(f"\nwrong: {', '.join(wrong)}" if wrong else "\nall that is needed is here", file=show.beside(arguments))
    return 1 if wrong else 0


def _system() -> Iterator[Finding]:
    yield "mmtoolkit", "ok", f"{mm.__version__} at {Path(mm.__file__).parent}"
    yield "Python", "ok", f"{platform.python_version()} at {sys.executable}"
    yield "machine", "ok", f"{platform.platform()}, {os.cpu_count()} cores"
    encoding = str(getattr(sys.stdout, "encoding", "")).lower()
    lacking = (
        "" if encoding.startswith("utf") else "; letters that it lacks are printed as ?, PYTHONUTF8=1 changes that"
    )
    yield "terminal", "ok", f"writes {encoding or 'bytes'}{lacking}"
    proxies = [name for name in os.environ if name.lower() in ("http_proxy", "https_proxy", "all_proxy", "no_proxy")]
    if proxies:  # their values may hold a password
        yield (
            "proxy",
            "ok",
            f"set by {', '.join(sorted(proxies))}; used only where trust_env=True is passed to a provider in Python",
        )


def _requirements() -> list[Requirement]:
    """Return what the installed distribution asks for; empty where the package is run from a folder of sources."""
    try:
        return [Requirement(line) for line in metadata.requires("mmtoolkit") or []]
    except metadata.PackageNotFoundError:
        return []


def _wanted(one: Requirement, extra: str) -> bool:
    return one.marker is None or one.marker.evaluate({"extra": extra})


def _installed(one: Requirement) -> Finding:
    """Compare an installed version with the one that is asked for."""
    try:
        version = metadata.version(one.name)
    except metadata.PackageNotFoundError:
        return one.name, "wrong", f'not installed: pip install "{one.name}{one.specifier}"'
    if not one.specifier.contains(version, prereleases=True):
        return one.name, "wrong", f'{version}, expected {one.specifier}: pip install "{one.name}{one.specifier}"'
    return one.name, "ok", version


def _libraries() -> Iterator[Finding]:
    core = [one for one in _requirements() if _wanted(one, "")]
    if not core:
        yield "mmtoolkit", "absent", "run from sources, so that nothing says which versions it needs"
    yield from map(_installed, core)


def _extras() -> Iterator[Finding]:
    rows: dict[str, list[Finding]] = {}
    for one in _requirements():
        for extra in [] if _wanted(one, "") else metadata.metadata("mmtoolkit").get_all("Provides-Extra") or []:
            if _wanted(one, extra):
                rows.setdefault(extra, []).append(_installed(one))
    for extra, found in rows.items():
        complete = all(state == "ok" for _, state, _ in found)
        words = ", ".join(f"{name} {words}" for name, _, words in found)
        yield extra, *(("ok", words) if complete else ("absent", f'pip install "mmtoolkit[{extra}]"'))


def _cache(path: str | None) -> Finding:
    """Say where vectors are kept, how many there are, and whether more can be."""
    store = mm.EmbeddingCache(path, read_only=True)
    where = os.fspath(store.path)
    above = next(folder for folder in (store.path, *store.path.parents) if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        return "vectors", "wrong", f"{where} cannot be written: set MMTOOLKIT_CACHE to a folder that can"
    if above != store.path:
        return "vectors", "ok", f"{where}, made at the first use"
    try:
        held = store.stats()
    except MMToolkitError as error:
        return "vectors", "wrong", str(error)
    size = held["size_bytes"].sum() / 1e6
    return (
        "vectors",
        "ok",
        f"{where}: {held['vectors'].sum():,} vectors of {held['model'].nunique()} models, {size:,.1f} MB",
    )


def _notebook() -> Iterator[Finding]:
    yield _installed(Requirement("jupyterlab_widgets"))  # the explorer's front end
    for name, purpose in (("ipykernel", "Python in notebooks"), ("jupyterlab", "notebooks in a browser")):
        _, state, words = _installed(Requirement(name))
        yield (
            name,
            *(
                ("ok", words)
                if state == "ok"
                else ("absent", f"not in this environment: pip install {name} for {purpose}")
            ),
        )


def _programs() -> Iterator[Finding]:
    problem = java_problem()
    yield "Java", *(("absent", f"{problem}; only Spark needs it") if problem else ("ok", "Spark can start it"))
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    yield "Chromium", *(("ok", browser) if browser else ("absent", "none found; only figures as PNG files need it"))
