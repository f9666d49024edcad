"""Conditions: what is read, what is refused, and that SQL and Milvus get what was meant."""

import itertools
import operator
import sqlite3

import numpy as np
import pytest

from osnet_tf.errors import ArgumentError
from osnet_tf.search.conditions import parse_condition, to_sql
from osnet_tf.search.records import Crop

CROPS = [
    Crop(f"k{n}", path, pid, camid, time, frame)
    for n, (path, pid, camid, time, frame) in enumerate(
        itertools.product(["a.jpg", 'it\'s "b".jpg'], [-1, 2], [0, 3], [-1.0, 7.5], [0, 9])
    )
]
OPERATORS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": lambda one, many: one in many,
    "not in": lambda one, many: one not in many,
}


def random_condition(rng, depth=3):
    """(text, function of a crop): the function is made beside the text, not from it."""
    if depth and rng.random() < 0.7:
        kind = rng.choice(["and", "or", "not"])
        text, one = random_condition(rng, depth - 1)
        if kind == "not":
            return f"not ({text})", lambda crop: not one(crop)
        more, other = random_condition(rng, depth - 1)
        if kind == "and":
            return f"({text}) and ({more})", lambda crop: one(crop) and other(crop)
        return f"(({text}) or {more})", lambda crop: one(crop) or other(crop)
    field = str(rng.choice(["path", "pid", "camid", "time", "frame"]))
    texts = field == "path"
    name = str(rng.choice(["==", "!=", "in", "not in"] if texts else list(OPERATORS)))
    values = ["a.jpg", 'the "b".jpg', "it's.jpg"] if texts else [-1, 0, 2, 3, 7.5, 9]
    if field not in ("path", "time"):
        values.remove(7.5)
    value = values[rng.integers(len(values))]
    if name in ("in", "not in"):
        value = [value, values[0]]
    function = OPERATORS[name]
    if name in ("<", ">=") and rng.random() < 0.5:  # the value first
        turned = {"<": ">", ">=": "<="}[name]
        return f"{value!r} {turned} {field}", lambda crop: function(getattr(crop, field), value)
    return f"{field} {name} {value!r}", lambda crop: function(getattr(crop, field), value)


@pytest.fixture
def table():
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE crops (key, path, pid, camid, time, frame, box)")
    database.executemany("INSERT INTO crops VALUES (?,?,?,?,?,?,?)", CROPS)
    yield database
    database.close()


def test_sql_finds_what_was_meant(table):
    rng = np.random.default_rng(0)
    found_some = 0
    for _ in range(300):
        text, meant = random_condition(rng)
        where, values = to_sql(parse_condition(text))
        found = {key for (key,) in table.execute(f"SELECT key FROM crops WHERE {where}", values)}
        assert found == {crop.key for crop in CROPS if meant(crop)}, text
        found_some += 0 < len(found) < len(CROPS)
    assert found_some > 100


def test_a_chain_is_both():
    assert parse_condition("1 <= camid < 3") == parse_condition("camid >= 1 and camid < 3")
    assert parse_condition("time > -1") == parse_condition("-1.0 < time")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "must be a condition"),
        ("camid", "'camid' does not"),
        ("camid = 3", "is no condition: invalid syntax"),
        ("camid == 3; drop", "is no condition"),
        ("__import__('os').system('true') == 1", "must compare fields with values"),
        ("camid == __import__('os')", "which is not an integer"),
        ("camid == pid", "compares camid with 'pid', which is not an integer"),
        ("camid == 3.5", "which is not an integer"),
        ("camid == True", "which is not an integer"),
        ("camid == 9223372036854775808", "which is not an integer"),
        ("time == 'noon'", "which is not a number"),
        ("time > 1e999", "which is not a number"),
        ("path == 3", "which is not a text in quotes"),
        ("path == f'{camid}'", "which is not a text in quotes"),
        ("path > 'a'", "texts have no order"),
        ("path == 'a\\'", "neither backslashes nor control characters"),
        ("path == 'a\0'", "neither backslashes nor control characters"),
        ("camid in []", "needs a list"),
        ("camid in 3", "needs a list"),
        ("camid is 3", "must compare fields with values"),
        ("3 in [camid]", "must compare fields with values"),
        ("embedding == 3", "names no field of a crop: 'embedding'"),
        ("(" * 300 + "camid == 3" + ")" * 300, "is no condition"),
        ("not " * 2000 + "camid == 3", "nested too deeply"),
        ("camid == 3 or " * 1000 + "camid == 3", "must be a condition"),
        (3, "must be a condition"),
    ],
)
def test_all_else_is_refused(text, problem):
    with pytest.raises(ArgumentError, match="Received: where=") as refused:
        parse_condition(text)
    assert problem in str(refused.value)
    assert refused.value.argument == "where"


def test_many_values_are_no_depth(table):
    values = list(range(1, 1500))
    where, given = to_sql(parse_condition(f"camid in {values}"))
    assert len(given) == 1499
    rows = table.execute(f"SELECT count(*) FROM crops WHERE {where}", given).fetchone()
    assert rows == (sum(crop.camid == 3 for crop in CROPS),)
    text = " or ".join(["camid == 3"] * 600)
    where, given = to_sql(parse_condition(text))
    assert table.execute(f"SELECT count(*) FROM crops WHERE {where}", given).fetchone() == rows
