"""An index is written into the Meta that a model has."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from django.db.models import CheckConstraint, Index, Q, UniqueConstraint
from django.db.models.functions import Lower

from pytest_dbperf.plans.meta import declared_columns, missing_index
from pytest_dbperf.sql.plan import MissingIndex, written_indexes

SOURCE = """
class Meta: pass

class Plain:
    pass

class Own:
    class Meta:
        ordering = ["a"]

class Indexed:
    class Meta:
        indexes: list = [1]

class Below(Own):
    class Meta(Own.Meta):
        ordering = ["b"]

class Nested:
    class Inner:
        class Meta:
            indexes = []
    text = '''
not dedented'''
"""


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Say where an index of a class is written; the class has these indexes already."""
    module = ModuleType("models_of_meta")
    module.__file__ = str(tmp_path / "models.py")
    Path(module.__file__).write_text(SOURCE)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(SOURCE, module.__file__, "exec"), vars(module))

    def written(name, *indexes):
        model = vars(module)[name]
        model._meta = SimpleNamespace(indexes=indexes)
        # Django takes it out of each class that is no abstract one.
        if "Meta" in vars(model) and name != "Own":
            del model.Meta
        return missing_index("X", model, tmp_path)

    return written


@pytest.mark.parametrize(
    "name, indexes, before, after",
    [
        ("Plain", (), "class Meta: indexes = [", "]"),
        ("Own", (), "class Meta: add indexes = [", "]"),
        ("Indexed", (1,), "Meta.indexes: add ", ""),
        ("Below", (), "class Meta: add indexes = [", "]"),
        ("Below", (1,), "class Meta: add indexes = [*Own.Meta.indexes, ", "]"),
        ("Nested", (), "class Meta: indexes = [", "]"),
    ],
)
def test_the_text_is_for_the_meta_that_stands(written, name, indexes, before, after):
    """It is searched in the class itself, not in a class inside of it."""
    assert written(name, *indexes) == MissingIndex("X", f"models.py {name}", before, after)


def test_a_model_whose_source_cannot_be_read_is_told_what_to_add():
    """It may have been made by a call of type()."""
    model = type("Made", (), {"__module__": "nowhere"})
    model._meta = SimpleNamespace(indexes=())

    [line] = written_indexes([missing_index("X", model, Path())])

    assert line == "Meta.indexes: add X   in . Made"


def test_declared_columns_are_those_that_a_b_tree_would_serve():
    """Not those of a condition, an expression, a class of operators or another type of index."""
    fields = [
        SimpleNamespace(name="a", unique=True, db_index=False),
        SimpleNamespace(name="b", unique=False, db_index=True),
        SimpleNamespace(name="c", unique=False, db_index=False),
    ]
    gin = type("GinIndex", (Index,), {})
    model = SimpleNamespace(
        _meta=SimpleNamespace(
            local_concrete_fields=fields,
            unique_together=[("c", "d")],
            indexes=[
                Index(fields=["-e", "f"]),
                Index(fields=["g"], condition=Q(a=1), name="g"),
                Index(Lower("h"), name="h"),
                Index(fields=["i"], opclasses=["text_pattern_ops"], name="i"),
                gin(fields=["j"]),
            ],
            constraints=[
                UniqueConstraint(fields=["k"], name="k"),
                UniqueConstraint(fields=["l"], condition=Q(a=1), name="l"),
                CheckConstraint(condition=Q(a=1), name="m"),
            ],
        )
    )

    assert [[*each] for each in declared_columns(model)] == [["a"], ["b"], ["c", "d"], ["e", "f"], ["k"]]
