"""What the reference pages need to read this project's docstrings (an extension of griffe)."""

import ast
import re

import griffe


def fenced(text):
    r"""Docstring text with its examples (`>>>` up to an empty line) in fences.

    >>> fenced("Adds.\n\n>>> 1 + 1\n2\n\nThat is all.")
    'Adds.\n\n```pycon\n>>> 1 + 1\n2\n```\n\nThat is all.'
    >>> print(fenced("margin: >= 0"))
    margin: \>= 0
    """
    lines, inside = [], False
    for line in text.split("\n"):
        if not inside and line.startswith(">>>"):
            lines.append("```pycon")
            inside = True
        elif inside and not line.strip():
            lines.append("```")
            inside = False
        # "margin: >= 0" is no quotation
        lines.append(line if inside else re.sub(r"(^\s*|: )(?=>(?!>>))", r"\1\\", line))
    return "\n".join([*lines, "```"] if inside else lines)


def separated(text):
    r"""Docstring text whose entries for several names are one for each.

    >>> print(separated("Args:\n    a, b: As\n        there.\n    c: 1"))
    Args:
        a: As
            there.
        b: As
            there.
        c: 1
    """
    several = re.compile(r"^    (\w+(?:, \w+)+):(.*(?:\n {5,}.*)*)", re.M)
    return several.sub(
        lambda found: "\n".join(f"    {name}:{found[2]}" for name in found[1].split(", ")), text
    )


class Docstrings(griffe.Extension):
    """Puts docstrings right, and finds the names that a package loads when they are first used."""

    def on_instance(self, *, obj, **kwargs):
        if obj.docstring:
            obj.docstring.value = separated(fenced(obj.docstring.value))

    def on_module_members(self, *, mod, **kwargs):
        homes = mod.members.get("_HOMES")
        if homes is None:
            return
        for name, home in ast.literal_eval(str(homes.value)).items():
            if name not in mod.members:
                mod.set_member(name, griffe.Alias(name, f"{mod.path}.{home}.{name}", parent=mod))
        mod.exports = [name for name in mod.members if name in _exported(mod)]


def _exported(mod):
    homes = ast.literal_eval(str(mod.members["_HOMES"].value))
    source = ast.parse(mod.filepath.read_text())
    named = [
        element.value
        for node in source.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
        for element in ast.walk(node.value)
        if isinstance(element, ast.Constant)
    ]
    return {*homes, *named}
