"""Every public name with its signature, as recorded: a change of the public interface is made on purpose or not at all.

The list in public_names.json holds the names of ``mmtoolkit``, ``mmtoolkit.protocols`` and ``mmtoolkit.spark``, what is
public of their classes, and of every class that one gets by calling them (results and the like, errors). To record
it anew::

    python tests/compatibility/test_public_names.py --record
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import json
import pkgutil
import re
import sys
import textwrap
from pathlib import Path

RECORDED = Path(__file__).with_name("public_names.json")
HOW = "python tests/compatibility/test_public_names.py --record"


def classes_of_the_package():
    """Every class that the package defines, by name; several may have one name."""
    import mmtoolkit

    found: dict[str, set[type]] = {}
    for info in pkgutil.walk_packages(mmtoolkit.__path__, "mmtoolkit."):
        if info.name.endswith("__main__"):
            continue
        module = importlib.import_module(info.name)
        for name, thing in vars(module).items():
            if inspect.isclass(thing) and thing.__module__ == info.name and not name.startswith("_"):
                found.setdefault(name, set()).add(thing)
    return found


class Sorted:
    """Stands for a set among the defaults, whose own repr is in any order."""

    def __init__(self, values):
        self.values = values

    def __repr__(self):
        inner = ", ".join(sorted(map(repr, self.values)))
        return f"{type(self.values).__name__}({{{inner}}})"


def signature(thing):
    """The signature as text, the same in every run and on every Python."""
    try:
        found = inspect.signature(thing)
    except ValueError:  # of a built-in
        return "(...)"
    parameters = [
        p.replace(default=Sorted(p.default)) if isinstance(p.default, set | frozenset) else p
        for p in found.parameters.values()
    ]
    return re.sub(r" at 0x[0-9a-f]+", "", str(found.replace(parameters=parameters)))


def own_bases(cls):
    """The classes of the package that a class is made of, itself first."""
    return [c for c in cls.__mro__ if c.__module__.split(".")[0] == "mmtoolkit"]


def assigned(cls):
    """Public names that methods of a class set on self."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except OSError:
        return set()
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
        and not node.attr.startswith("_")
    }


def described_member(value):
    """Kind and signature of something that stands in a class."""
    if isinstance(value, property | functools.cached_property):
        getter = value.fget if isinstance(value, property) else value.func
        wrote = value.fset is not None if isinstance(value, property) else False
        annotation = getter.__annotations__.get("return", "?")
        return f"{'settable ' if wrote else ''}property: {annotation}"
    for kind in (classmethod, staticmethod):
        if isinstance(value, kind):
            return f"{kind.__name__}{signature(value.__func__)}"
    return f"method{signature(value)}" if callable(value) else "attribute"


def members(cls):
    """Every public method, property and attribute, also inherited ones, with its signature."""
    found: dict[str, str] = {}
    for base in reversed(own_bases(cls)):
        for name, annotation in inspect.get_annotations(base).items():
            if not name.startswith("_"):
                found[name] = f"attribute: {annotation}"
        for name in assigned(base):
            found.setdefault(name, "attribute")
        for name, value in vars(base).items():
            if name == "__call__" or (not name.startswith("_") and name not in inspect.get_annotations(base)):
                found[name] = described_member(value)
    return found


def walk():
    """Return every public name with what it is."""
    import mmtoolkit as mm
    from mmtoolkit import errors
    from mmtoolkit.results import Result

    classes = classes_of_the_package()
    known = {name: next(iter(things)) for name, things in classes.items() if len(things) == 1}
    todo: list[tuple[str, type]] = []
    names: dict[str, str] = {}
    homes: dict[str, str] = {}  # the module in which a function's or a class's annotations have their meaning

    def add(name, thing):
        if inspect.isclass(thing):
            todo.append((name, thing))
        else:
            names[name], homes[name] = f"function{signature(thing)}", thing.__module__

    def meant(word, name):
        """The class of the package that a word in an annotation means."""
        home = vars(sys.modules[homes[name]]) if name in homes else {}
        thing = home.get(word, known.get(word))
        return thing if inspect.isclass(thing) and thing.__module__.startswith("mmtoolkit.") else None

    for name in mm.__all__:
        thing = getattr(mm, name)
        if not inspect.ismodule(thing):
            add(f"mm.{name}", thing)
            continue
        names[f"mm.{name}"] = "module"
        for inner in thing.__all__:
            add(f"mm.{name}.{inner}", getattr(thing, inner))
    for name in errors.__all__:
        if name not in mm.__all__:
            add(f"errors.{name}", getattr(errors, name))
    public = {cls for _, cls in todo}
    for name, things in sorted(classes.items()):
        results = {cls for cls in things if issubclass(cls, Result)} - public - {Result}
        for cls in sorted(results, key=lambda cls: cls.__module__):
            add(name if len(results) == 1 else f"{cls.__module__.split('.')[1]}.{name}", cls)

    seen: set[type] = set()
    returned = re.compile(r"(?:->|property:|attribute:) (.*)$")
    told = 0
    while todo or told < len(names):
        while todo:
            name, cls = todo.pop(0)
            if cls in seen:
                continue
            seen.add(cls)
            bases = ", ".join(b.__name__ for b in cls.__bases__ if not b.__name__.startswith("_") and b is not object)
            names[name] = f"class({bases})" if issubclass(cls, BaseException) else f"class{signature(cls)}"
            for member, text in members(cls).items():
                names[f"{name}.{member}"], homes[f"{name}.{member}"] = text, cls.__module__
        told = len(names)
        for name, text in list(names.items()):  # classes that one gets from these; pd.Index is none of ours
            match = returned.search(text)
            for word in re.findall(r"(?<![\w.])\w+", match[1]) if match else ():
                cls = meant(word, name)
                if cls is not None and cls not in seen and not word.startswith("_"):
                    add(word, cls)
    return dict(sorted(names.items()))


def differences(old, new):
    """Name what was added, removed and changed."""
    lines = [f"added:   {name}: {new[name]}" for name in new if name not in old]
    lines += [f"removed: {name}: {old[name]}" for name in old if name not in new]
    for name in old:
        if name in new and old[name] != new[name]:
            lines += [f"changed: {name}", f"    was: {old[name]}", f"    now: {new[name]}"]
    return lines


def test_public_names_are_those_recorded():
    found = differences(json.loads(RECORDED.read_text("utf-8")), walk())

    assert not found, "\n".join(["the public interface is not the recorded one:", *found, f"if that is meant: {HOW}"])


def test_a_difference_is_named():
    found = differences(
        {"a": "function()", "b": "class()", "c": "module"}, {"a": "function(x)", "c": "module", "d": "x"}
    )

    assert found == [
        "added:   d: x",
        "removed: b: class()",
        "changed: a",
        "    was: function()",
        "    now: function(x)",
    ]


if __name__ == "__main__":
    if sys.argv[1:] != ["--record"]:
        raise SystemExit(__doc__)
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # this checkout, whatever is installed
    before = json.loads(RECORDED.read_text("utf-8")) if RECORDED.exists() else {}
    now = walk()
    print("\n".join(differences(before, now)) or "nothing has changed")
    RECORDED.write_text(json.dumps(now, indent=1, ensure_ascii=False) + "\n", "utf-8")
