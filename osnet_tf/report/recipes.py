"""Recipes in words."""

import textwrap
from collections.abc import Mapping
from typing import Any


def recipe_list(recipes: Mapping[str, Any]) -> str:
    """The names of the recipes and the beginning of what each is for, a line for each.

    Of those that are named `ablation_...` only the names.

    >>> from types import SimpleNamespace
    >>> about = "From random weights on a GPU: SGD, three steps; flip, crop, erasing, and so on."
    >>> print(recipe_list({"scratch": SimpleNamespace(about=about)}))
    scratch: From random weights on a GPU: SGD, three steps; flip, crop, ...
    """
    ablations = [name for name in recipes if name.startswith("ablation_")]
    lines = [
        f"{name}: {textwrap.shorten(recipe.about, 64, placeholder=' ...')}"
        for name, recipe in recipes.items()
        if name not in ablations
    ]
    if ablations:
        lines.append(f"and {len(ablations)} rows of the paper's ablations: {', '.join(ablations)}")
    return "\n".join(lines)


def recipe_page(name: str, recipe: Any) -> str:
    """All about a recipe: what it is for, its source, figures and hours, and its settings.

    >>> from types import SimpleNamespace
    >>> recipe = SimpleNamespace(about="Long.", source="X", published="market1501: Rank-1 93.6")
    >>> recipe.measured, recipe.cpu_hours, recipe.settings = None, 120.4, {"step_epochs": (60, 90)}
    >>> print(recipe_page("scratch", recipe))
    scratch: Long.
    source          X
    published       market1501: Rank-1 93.6
    two CPU cores   120 h
    --step_epochs=60,90
    """
    lines = [f"{name}: {recipe.about}"]
    if recipe.source:
        lines.append(f"source          {recipe.source}")
    for verb, figures in (("published", recipe.published), ("measured", recipe.measured)):
        if figures:
            lines.append(f"{verb:<14}  {figures}")
    if recipe.cpu_hours:
        digits = 0 if recipe.cpu_hours >= 10 else 1
        lines.append(f"two CPU cores   {recipe.cpu_hours:.{digits}f} h")
    return "\n".join([*lines, *(f"--{key}={_flag(v)}" for key, v in recipe.settings.items())])


def _flag(value):
    return ",".join(map(str, value)) if isinstance(value, tuple) else value
