"""docs/configuration.md names every variable of the environment that the sources read, and no other of ours."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

from tests.project.repository import ROOT, text

PAGE = "docs/configuration.md"
VARIABLE = re.compile(r"(?:FIRSTTOKEN|OTEL)_[A-Z_]*[A-Z]")


def sources() -> list[Path]:
    return [
        path
        for folder in ("instrumentation", "dashboard")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "apps" not in path.parts  # the demo's applications are somebody else's
    ]


def test_every_variable_that_is_read_is_documented() -> None:
    documented = set(re.findall(r"`([A-Z][A-Z_]+)[`=]", text(PAGE)))
    found = {name: path.name for path in sources() for name in variables_of(path)}
    assert len(found) > 20
    assert {name: file for name, file in found.items() if name not in documented} == {}


def test_every_variable_of_ours_that_is_documented_is_read() -> None:
    documented = set(re.findall(r"`(FIRSTTOKEN_[A-Z_]+)[`=]", text(PAGE)))
    assert documented <= {name for path in sources() for name in variables_of(path)}


def variables_of(path: Path) -> Iterator[str]:
    """The names that are written out in a file, and those that it reads by a name of its own or of OpenTelemetry's."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    module = None
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and VARIABLE.fullmatch(node.value):
            yield node.value
        elif isinstance(node, ast.ImportFrom) and "environment_variables" in str(node.module):
            yield from (alias.name for alias in node.names if VARIABLE.fullmatch(alias.name))
        for key in _keys_read(node):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield key.value
            elif isinstance(key, (ast.Name, ast.Attribute)):
                module = module or _module(path)
                value = _value(module, key)
                if isinstance(value, str):
                    yield value


def _keys_read(node: ast.AST) -> list[ast.expr]:
    """What stands for the name where a node reads the environment."""
    if isinstance(node, ast.Call) and node.args:
        called = ast.unparse(node.func)
        return node.args[:1] if called in {"os.getenv", "getenv"} or re.search(r"environ\.(get|pop)$", called) else []
    if isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith("environ"):
        return [node.slice]
    if isinstance(node, ast.Compare) and ast.unparse(node.comparators[0]).endswith("environ"):
        return [node.left]
    return []


def _module(path: Path) -> ModuleType:
    parts = path.with_suffix("").relative_to(ROOT).parts[1:]
    return import_module(".".join(parts[:-1] if parts[-1] == "__init__" else parts))


def _value(module: ModuleType, key: ast.Name | ast.Attribute) -> object:
    """What a name of the module's stands for; None where it is a function's own."""
    found: object = module
    for name in ast.unparse(key).split("."):
        found = getattr(found, name, None)
    return found
