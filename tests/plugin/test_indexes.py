"""The indexes that are proposed can be pasted as they are, and none of them is needless."""

import pytest

MODELS = '''
class Named(models.Model):
    """Has a Meta that models inherit."""

    name = models.CharField(max_length=50)
    note = models.CharField(max_length=50, default="")

    class Meta:
        abstract = True
        ordering = ["name"]


class Indexed(Named):
    """Has indexes that models inherit."""

    class Meta(Named.Meta):
        abstract = True
        indexes = [models.Index(fields=["note"])]


class Plain(Named):
    """Inherits a Meta without indexes."""


class Child(Indexed):
    """Inherits a Meta with indexes."""


class Own(Indexed):
    """Has a Meta of its own, below another one."""

    class Meta(Indexed.Meta):
        verbose_name = "own"


class Ordered(models.Model):
    """Has a Meta without indexes."""

    place = models.CharField(max_length=50)
    kind = models.IntegerField(default=1)
    size = models.IntegerField(default=1)
    weight = models.IntegerField(default=1)
    is_open = models.BooleanField(default=True)
    is_new = models.BooleanField(default=True)
    code = models.IntegerField(unique=True)

    class Meta:
        ordering = ["place"]
        constraints = [models.UniqueConstraint(fields=["size", "kind"], name="size_and_kind")]
'''

TESTS = """
from shop.models import Child, Ordered, Own, Plain

pytestmark = [pytest.mark.no_unindexed_filters]

@db
def test_inherited_meta(): list(Plain.objects.filter(name="x"))

@db
def test_inherited_indexes(): list(Child.objects.filter(name="x"))

@db
def test_indexes_of_a_base(): list(Own.objects.filter(name="x"))

@db
def test_several():
    list(Ordered.objects.filter(place="x", weight__gt=1))
    list(Ordered.objects.filter(kind=1))
    list(Ordered.objects.filter(kind=1, place="x"))
    list(Ordered.objects.filter(kind=1))

@db
def test_boolean(): list(Ordered.objects.filter(is_open=True))

@db
def test_booleans(): list(Ordered.objects.filter(is_open=True, is_new=False))

@db
def test_boolean_beside_a_value(): list(Ordered.objects.filter(is_open=True, place="x"))

@db
@pytest.mark.parametrize("name, filters", [
    ("code", {"code": 1}), ("size_and_kind", {"size": 1}), ("size_and_kind", {"size": 1, "kind": 2}),
])
def test_missing(name, filters):
    with connection.cursor() as cursor:
        if name == "code":
            cursor.execute("SELECT conname FROM pg_constraint WHERE conname LIKE 'shop_ordered_code%'")
            name = cursor.fetchone()[0]
        cursor.execute(f'ALTER TABLE shop_ordered DROP CONSTRAINT "{name}"')
    list(Ordered.objects.filter(**filters))

@db
def test_beginnings():
    list(Ordered.objects.filter(place="x"))
    list(Ordered.objects.filter(place__startswith="x"))

@db
def test_ranges():
    list(Ordered.objects.filter(place__gt="x"))
    list(Ordered.objects.filter(place__startswith="x"))
"""


@pytest.mark.usefixtures("postgres")
def test_indexes_are_added_to_the_meta_that_stands_and_none_is_needless(suite):
    """One line for each model; a refusal has its reason."""
    path = suite.path / "shop" / "models.py"
    path.write_text(path.read_text() + MODELS)
    result = suite.run_tests(TESTS)

    result.assert_outcomes(failed=12)
    told = [line.partition("   in ")[0] for line in result.outlines if line.startswith(("  fix ", "  why "))]
    like = 'models.Index(fields=["place"], name="ordered_place_like", opclasses=["varchar_pattern_ops"])'
    two_values = "with two values, it would still read about half of the table"
    is_missing = "has an index in the model, but not in the database: is a migration missing?"
    assert told == [
        '  fix   class Meta(Named.Meta): indexes = [models.Index(fields=["name"])]',
        '  fix   class Meta(Indexed.Meta): indexes = [*Indexed.Meta.indexes, models.Index(fields=["name"])]',
        '  fix   class Meta: add indexes = [*Indexed.Meta.indexes, models.Index(fields=["name"])]',
        '  fix   class Meta: add indexes = [models.Index(fields=["place", "weight"]), '
        'models.Index(fields=["kind", "place"])]',
        f"  why   no index on Ordered.is_open alone: {two_values}",
        f"  why   no index on Ordered.is_new and is_open alone: {two_values}",
        '  fix   class Meta: add indexes = [models.Index(fields=["place", "is_open"])]',
        f"  why   Ordered.code {is_missing}",
        f"  why   Ordered.size {is_missing}",
        f"  why   Ordered.kind and size {is_missing}",
        f"  fix   class Meta: add indexes = [{like}]",
        f'  fix   class Meta: add indexes = [models.Index(fields=["place"]), {like}]',
    ]
