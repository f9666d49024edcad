"""Conditions on crops, such as "camid != 3 and time > 60": parsed, never evaluated as Python.

The grammar is a small part of Python's: comparisons of a field with a number or a text (`==`, `!=`,
`<`, `<=`, `>`, `>=`, also chained), `in [...]`, `not in [...]`, `and`, `or`, `not`, parentheses.
The parsed condition is written anew for each kind of store, so nothing that was typed gets there.
"""

import ast
import warnings
from typing import NamedTuple

from osnet_tf.checks import did_you_mean, is_int, is_number
from osnet_tf.errors import ArgumentError
from osnet_tf.search.records import FIELDS

_LONGEST = 10_000
_DEEPEST = 40
_COMPARISONS = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "not in",
}
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


class Comparison(NamedTuple):
    """`field operator value`; the value of "in" and "not in" is a tuple."""

    field: str
    operator: str
    value: object


class Junction(NamedTuple):
    """`parts` joined by "and" or "or"; the one part of "not" is denied."""

    operator: str
    parts: tuple


def parse_condition(text):
    """Reads a condition.

    Args:
        text: Its text, of at most 10000 characters; see the module. The fields are those of
            `osnet_tf.search.Crop`: key, path and box are texts (which hold no backslash),
            compared with `==`, `!=`, `in` and `not in` only; pid, camid and frame integers; time a
            number.

    Returns:
        A `Comparison` or `Junction`.

    Raises ArgumentError, which shows the part that is wrong.

    >>> parse_condition("camid != 3 and 60 < time")
    Junction(operator='and', parts=(Comparison(field='camid', operator='!=', value=3), \
Comparison(field='time', operator='>', value=60.0)))
    >>> parse_condition("camids != 3")
    Traceback (most recent call last):
    osnet_tf.errors.ArgumentError: `where` names no field of a crop: 'camids'. Did you mean \
'camid'? Received: where='camids != 3'
    """
    if not isinstance(text, str) or not text.strip() or len(text) > _LONGEST:
        _refuse(text, "must be a condition such as 'camid != 3 and time > 60'")
    if "\\" in text or not text.isprintable():
        _refuse(text, "must hold neither backslashes nor control characters")
    try:
        with warnings.catch_warnings():  # Python's hints at its own code
            warnings.simplefilter("ignore")
            tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        _refuse(text, f"is no condition: {error.msg} at column {error.offset}")
    except (ValueError, RecursionError, MemoryError):
        _refuse(text, "is no condition: it is nested too deeply")
    return _read(tree, text, 0)


def to_sql(condition):
    """A condition for SQLite.

    Returns:
        `(text, values)`, where the text has a `?` for each value.

    >>> to_sql(parse_condition("camid in [1, 2] or not pid == 7"))
    ('(camid IN (?,?) OR NOT (pid = ?))', [1, 2, 7])
    """
    if isinstance(condition, Comparison):
        if isinstance(condition.value, tuple):
            marks = ",".join("?" * len(condition.value))
            return f"{condition.field} {condition.operator.upper()} ({marks})", [*condition.value]
        operator = {"==": "=", "!=": "<>"}.get(condition.operator, condition.operator)
        return f"{condition.field} {operator} ?", [condition.value]
    parts = [to_sql(part) for part in condition.parts]
    values = [value for _, found in parts for value in found]
    if condition.operator == "not":
        return f"NOT ({parts[0][0]})", values
    return f"({f' {condition.operator.upper()} '.join(text for text, _ in parts)})", values


def to_milvus(condition):
    """A condition as Milvus has it.

    >>> to_milvus(parse_condition("camid not in (1, 2) and path != 'a\\"b.jpg'"))
    '(camid not in [1, 2] and path != "a\\\\"b.jpg")'
    """
    if isinstance(condition, Comparison):
        if isinstance(condition.value, tuple):
            value = f"[{', '.join(map(_milvus_literal, condition.value))}]"
        else:
            value = _milvus_literal(condition.value)
        return f"{condition.field} {condition.operator} {value}"
    parts = [to_milvus(part) for part in condition.parts]
    if condition.operator == "not":
        return f"(not ({parts[0]}))"
    return f"({f' {condition.operator} '.join(parts)})"


def _milvus_literal(value):
    return '"' + value.replace('"', '\\"') + '"' if isinstance(value, str) else repr(value)


def _read(node, text, depth):
    if depth > _DEEPEST:
        _refuse(text, "is no condition: it is nested too deeply")
    if isinstance(node, ast.BoolOp):
        operator = "and" if isinstance(node.op, ast.And) else "or"
        return Junction(operator, tuple(_read(part, text, depth + 1) for part in node.values))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return Junction("not", (_read(node.operand, text, depth + 1),))
    if not isinstance(node, ast.Compare):
        _refuse(text, f"must compare fields with values: {_shown(node, text)!r} does not")
    sides = [node.left, *node.comparators]
    found = [
        _comparison(left, operator, right, text)
        for left, operator, right in zip(sides, node.ops, sides[1:], strict=False)
    ]
    return found[0] if len(found) == 1 else Junction("and", tuple(found))


def _comparison(left, operator, right, text):
    operator = _COMPARISONS.get(type(operator))
    if operator in _TURNED and isinstance(right, ast.Name) and not isinstance(left, ast.Name):
        left, right, operator = right, left, _TURNED[operator]
    if not isinstance(left, ast.Name) or operator is None:
        shown = f"{_shown(left, text)} ... {_shown(right, text)}"
        _refuse(text, f"must compare fields with values: {shown!r} does not")
    field = left.id
    if field not in FIELDS:
        _refuse(text, f"names no field of a crop: {field!r}", did_you_mean(field, FIELDS))
    if FIELDS[field] is str and operator not in ("==", "!=", "in", "not in"):
        _refuse(text, f"compares the text {field} with {operator}, and texts have no order")
    if operator in ("in", "not in"):
        if not isinstance(right, ast.List | ast.Tuple) or not right.elts:
            _refuse(text, f"needs a list such as [1, 2] after '{field} {operator}'")
        return Comparison(field, operator, tuple(_value(e, field, text) for e in right.elts))
    return Comparison(field, operator, _value(right, field, text))


def _value(node, field, text):
    """A literal, as the field's type."""
    kind, sign = FIELDS[field], 1
    shown = _shown(node, text)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and kind is not str:
        sign, node = -1, node.operand
    value = node.value if isinstance(node, ast.Constant) else None
    if kind is str:
        good, rule = isinstance(value, str), "a text in quotes"
    elif kind is int:
        good, rule = is_int(value) and value < 2**63, "an integer"
    else:
        good, rule = is_number(value), "a number"
    if not good:
        _refuse(text, f"compares {field} with {shown!r}, which is not {rule}")
    return kind(value) if kind is str else kind(sign * value)


def _shown(node, text):
    return ast.get_source_segment(text.strip(), node) or type(node).__name__


def _refuse(text, problem, hint=""):
    end = f".{hint}" if hint else "."
    raise ArgumentError(f"`where` {problem}{end} Received: where={text!r:.200}", argument="where")
