"""What users' type checkers see: annotated public signatures, and every lazy name."""

import ast
import enum
import importlib
import inspect
import pkgutil

import pytest

import osnet_tf
from tests.conftest import ROOT


def packages():
    yield "osnet_tf"
    for found in pkgutil.walk_packages(osnet_tf.__path__, "osnet_tf."):
        if found.ispkg and "commands" not in found.name:
            yield found.name


def public():
    """(name, object) of each public function and class, once."""
    seen = set()
    for package in packages():
        module = importlib.import_module(package)
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            own = getattr(value, "__module__", "").startswith("osnet_tf")
            if own and (inspect.isfunction(value) or inspect.isclass(value)):
                if id(value) not in seen:
                    yield f"{value.__module__}.{name}", value
                seen.add(id(value))


def signatures(name, value):
    """(name, function) of what a user calls: the function, or a class's constructor and methods."""
    if inspect.isfunction(value):
        yield name, inspect.unwrap(value)
        return
    for member, found in vars(value).items():
        if member.startswith("_") and member not in ("__init__", "__call__"):
            continue
        if isinstance(found, type(lambda: 0)) and found.__name__ != member:
            continue  # a default of a field, or another name of a method
        if isinstance(found, property):
            found = found.fget
        found = inspect.unwrap(getattr(found, "__func__", found))
        written = inspect.isfunction(found) and found.__module__ == value.__module__
        if written and found.__code__.co_filename == inspect.getsourcefile(value):
            yield f"{name}.{member}", found


def unannotated(function):
    """What of a signature has no annotation: names of parameters, and "return"."""
    parameters = list(inspect.signature(function).parameters.values())
    hints = function.__annotations__
    missing = [p.name for p in parameters if p.name not in hints and p.name not in ("self", "cls")]
    if "return" not in hints and function.__name__ != "__init__":
        missing.append("return")
    return missing


def test_every_public_signature_is_annotated():
    found = {
        name: missing
        for public_name, value in public()
        if not (inspect.isclass(value) and issubclass(value, enum.Enum))
        for name, function in signatures(public_name, value)
        if (missing := unannotated(function))
    }
    assert found == {}


def lazy_packages():
    for package in packages():
        path = ROOT / package.replace(".", "/") / "__init__.py"
        if "_HOMES" in path.read_text():
            yield package, path


@pytest.mark.parametrize(
    ("package", "path"), list(lazy_packages()), ids=lambda value: str(value)[-20:]
)
def test_type_checkers_find_what_is_loaded_lazily(package, path):
    """`if TYPE_CHECKING` imports each name of `_HOMES` from where it is loaded."""
    homes = importlib.import_module(package)._HOMES
    modules = getattr(importlib.import_module(package), "_MODULES", ())
    found = {}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            for line in node.body:
                for alias in line.names:
                    assert alias.asname == alias.name, f"{alias.name}: import it as itself"
                    found[alias.name] = line.module
    expected = {name: f"{package}.{home}" for name, home in homes.items()}
    assert found == {**expected, **dict.fromkeys(modules, package)}


def test_the_package_says_that_it_is_typed():
    assert (ROOT / "osnet_tf" / "py.typed").exists()
