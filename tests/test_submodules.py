"""A submodule that is used as an attribute is imported by the code that uses it, or comes with its package."""

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import mmtoolkit

PACKAGE = Path(mmtoolkit.__file__).parent


def _imports(body: list[ast.stmt]) -> tuple[dict[str, str], set[str]]:
    """Names that the statements of one scope bind to modules, and the modules that they import."""
    bound, imported = {}, set()
    pending: list[ast.AST] = list(body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            continue
        if isinstance(node, ast.Import):
            for name in node.names:
                bound[name.asname or name.name.partition(".")[0]] = (
                    name.name if name.asname else name.name.partition(".")[0]
                )
                imported.add(name.name)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            bound |= {name.asname or name.name: f"{node.module}.{name.name}" for name in node.names}
            imported |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
        pending += ast.iter_child_nodes(node)
    return bound, imported


def _uses(body: list[ast.stmt], bound: dict[str, str], imported: set[str]) -> set[tuple[str, str]]:
    """Pairs (module that is imported, dotted attribute of it) for each attribute that no import of the scope names."""
    own_bound, own_imported = _imports(body)
    bound, imported = bound | own_bound, imported | own_imported
    found: set[tuple[str, str]] = set()

    def dotted(node: ast.AST) -> tuple[str, str] | None:
        if isinstance(node, ast.Name) and node.id in bound:
            return bound[node.id], bound[node.id]
        inner = dotted(node.value) if isinstance(node, ast.Attribute) else None
        return inner and (inner[0], f"{inner[1]}.{node.attr}")

    pending: list[ast.AST] = list(body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found |= _uses(node.body, bound, imported)
            pending += [*node.decorator_list]
            continue
        use = dotted(node)
        if use and not any(name == use[1] or name.startswith(use[1] + ".") for name in imported):
            found.add(use)
        pending += ast.iter_child_nodes(node)
    return found


def _is_module(name: str) -> bool:
    """Return whether a dotted name is that of a module, wherever its parents are modules."""
    try:
        return importlib.util.find_spec(name) is not None
    except ImportError:
        return False


def _missing(module: str, names: list[str]) -> list[str]:
    """Return the submodules that are no attributes in a process that has imported only `module`."""
    program = (
        "import importlib, operator, sys\n"
        "module, *names = sys.argv[1:]\n"
        "importlib.import_module(module)\n"
        "for name in names:\n"
        "    try: operator.attrgetter(name)(sys.modules)\n"
        "    except AttributeError: print(name)\n"
    ).replace("(sys.modules)", "(type('', (), sys.modules))")
    command = [sys.executable, "-W", "ignore", "-c", program, module, *names]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split()


def test_no_submodule_is_there_by_chance() -> None:
    wanted: dict[str, dict[str, str]] = {}
    for path in PACKAGE.rglob("*.py"):
        for module, name in _uses(ast.parse(path.read_text(encoding="utf-8")).body, {}, set()):
            if not module.startswith("mmtoolkit") and name != module and _is_module(name):
                wanted.setdefault(module, {})[name] = path.relative_to(PACKAGE).as_posix()

    missing = {files[name]: name for module, files in wanted.items() for name in _missing(module, sorted(files))}

    assert len(wanted) > 3
    assert missing == {}


def test_a_submodule_that_only_another_function_imports_is_found() -> None:
    source = "def a():\n    import xml.dom\n\ndef b():\n    import xml\n    return xml.dom.Node, xml.sax\n"

    found = {name for _, name in _uses(ast.parse(source).body, {}, set()) if _is_module(name) and name != "xml"}

    assert sorted(_missing("xml", sorted(found))) == ["xml.dom", "xml.sax"]
