"""The ladder of modules, and who may talk, exit and load what is heavy."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import twitterbot

PACKAGE = Path(twitterbot.__file__).parent
# A module imports only from rungs above its own: from what is more basic.
LADDER = (
    {"__init__"},
    {"errors", "options", "text"},
    {"files", "style", "traits"},
    {"tweets", "tokenizer", "engine", "output", "novelty"},
    {"payloads", "xapi", "dataset", "model", "preparation"},
    {"fetch", "importers", "training", "scores", "checkpoint"},
    {"pretrain", "finetune", "generate"},
    {"evaluate"},
    {"summary", "charts"},
    {"report"},
    {"serve"},
    {"console"},
    {"cli"},
    {"__main__"},
)
RUNG = {module: number for number, rung in enumerate(LADDER) for module in rung}
FILES = sorted(PACKAGE.rglob("*.py"))


def module_of(path: Path) -> str:
    """The rung's name: a package inside the package stands as one."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports(path: Path) -> Iterator[str]:
    """Every import of a file, wherever it stands, as a dotted name."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(path: Path) -> set[str]:
    names = {name.split(".")[1] for name in imports(path) if name.startswith("twitterbot.")}
    return {
        name if (PACKAGE / name).exists() or (PACKAGE / f"{name}.py").exists() else "__init__"
        for name in names
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_is_more_basic(path: Path) -> None:
    module = module_of(path)
    assert module in RUNG, "give the new module a rung of the ladder"
    for name in own_imports(path) - {module}:
        assert RUNG[name] < RUNG[module], f"{module} must not import {name}"


@pytest.mark.parametrize(
    ("library", "users"),
    [
        ("typer", {"cli"}),
        ("rich", {"console"}),
        ("keras", {"engine"}),
        ("sklearn", {"style"}),
        ("tensorflow", {"engine"}),
        ("tweepy", {"xapi"}),
        ("tokenizers", {"tokenizer"}),
        ("fastapi", {"serve"}),
        ("uvicorn", {"serve"}),
    ],
)
def test_a_library_is_used_behind_one_door(library: str, users: set[str]) -> None:
    found = {
        module_of(path)
        for path in FILES
        if any(name.split(".")[0] == library for name in imports(path))
    }
    assert found == users


def test_core_code_neither_prints_nor_exits() -> None:
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Name):
                assert called.id not in {"print", "exit", "quit", "input"}, path
            if isinstance(called, ast.Attribute):
                assert ast.unparse(called) not in {"sys.exit", "os._exit"}, path


def test_every_module_says_what_it_is_for() -> None:
    for path in FILES:
        assert ast.get_docstring(ast.parse(path.read_text())), path
