"""A baseline is text with one debt a line, and a broken one is refused with the line and a remedy."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_dbperf.baseline.debts import Baseline, Debt, Key
from pytest_dbperf.baseline.text import BrokenBaseline, parsed, written

FINDING = Key("finding", ("no_n_plus_one", "Book.author", "shop/views.py titles"))
ROUTE = Key("route", ("GET books/",))
TEST = Key("test", ("tests/test_import.py::test_import",))

TEXT = """\
# dbperf-baseline/1
# Ask the shop's team before you add a line.

finding	no_n_plus_one	Book.author	shop/views.py titles	# slow, owner=@shop, until=2027-03
# Rewritten in spring.
# See the plan.
route	GET books/	queries=26 hops=18
test	tests/test_import.py::test_import	query_budget=134 max_thread_hops=3
"""
BASELINE = Baseline(
    {
        FINDING: Debt(FINDING, {}, "slow, owner=@shop, until=2027-03"),
        ROUTE: Debt(ROUTE, {"queries": 26, "hops": 18}),
        TEST: Debt(TEST, {"query_budget": 134, "max_thread_hops": 3}),
    },
    {
        None: ("# Ask the shop's team before you add a line.",),
        ROUTE: ("# Rewritten in spring.", "# See the plan."),
    },
)


def same(baseline):
    """A baseline, to be compared."""
    comments = {key: tuple(lines) for key, lines in baseline.comments.items() if lines}
    return dict(baseline.debts), comments


def test_a_baseline_is_read_and_written():
    """Each field has its place, and so has each comment."""
    assert same(parsed(TEXT, "shop.tsv")) == same(BASELINE)
    assert written(BASELINE) == TEXT


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        pytest.param("", "# dbperf-baseline/1\n", id="empty"),
        pytest.param(" \n\n", "# dbperf-baseline/1\n", id="blank"),
        pytest.param("\ufeff" + TEXT, TEXT, id="byte order mark"),
        pytest.param(TEXT.replace("\n", "\r\n"), TEXT, id="Windows"),
        pytest.param(TEXT + "\n\n# dbperf-baseline/1\n", TEXT, id="header again"),
        pytest.param(TEXT.replace("# dbp", "#dbp"), TEXT, id="header without space"),
        pytest.param(TEXT.removesuffix("\n"), TEXT, id="no line end"),
        pytest.param(TEXT.replace("GET books/\t", " GET books/ \t "), TEXT, id="aligned"),
        pytest.param(TEXT.replace("queries=26 hops=18", "hops=18 queries=026\t"), TEXT, id="numbers"),
        pytest.param(TEXT.replace("\t# slow", "\t#slow") + "\n", TEXT, id="comment without space"),
        pytest.param(
            "# dbperf-baseline/1\n# a\ntest\tb\tx=1\t#\n\ntest\ta\tx=1\n# z\n",
            "# dbperf-baseline/1\n# z\n\ntest\ta\tx=1\n# a\ntest\tb\tx=1\n",
            id="unsorted",
        ),
        pytest.param(
            "# dbperf-baseline/1\ntest\ta\tx=1\n# b\n\ntest\tb\tx=1\n",
            "# dbperf-baseline/1\ntest\ta\tx=1\n# b\ntest\tb\tx=1\n",
            id="empty line below a comment",
        ),
        pytest.param(
            "# dbperf-baseline/1\n# nothing yet", "# dbperf-baseline/1\n# nothing yet\n", id="comment"
        ),
    ],
)
def test_other_forms_become_canonical(text, canonical):
    """Editors and systems write it in their ways."""
    assert written(parsed(text, "shop.tsv")) == canonical
    assert written(parsed(canonical, "shop.tsv")) == canonical


@pytest.mark.parametrize(
    ("lines", "line", "problem", "remedy"),
    [
        ("<<<<<<< HEAD", 2, "`<<<<<<<` is a conflict", "run `dbperf baseline merge my\\ shop.tsv`"),
        ("test\ta\tx=1\n||||||| parent of 1234567 (a)", 3, "`|||||||` is a conflict", "baseline merge"),
        ("=======", 2, "`=======` is a conflict", "baseline merge"),
        (">>>>>>>>> theirs", 2, "`>>>>>>>>>` is a conflict", "baseline merge"),
        (
            "# dbperf-baseline/2",
            2,
            "the schema is `# dbperf-baseline/2`",
            "pip install --upgrade pytest-dbperf",
        ),
        ("finding\ta", 2, "after `finding`, its subject is missing", "correct or remove this line"),
        ("finding\ta\tb\t# reason", 2, "after `finding`, its function is missing", "pytest --dbperf-update"),
        ("finding\ta\t\tb", 2, "its subject is missing", "correct or remove"),
        ("finding\ta\tb\tc\td", 2, "`d` is too much", "correct or remove"),
        ("route\tGET a", 2, "a route has at least one number", "correct or remove"),
        ("route\tGET a\t", 2, "a route has at least one number", "correct or remove"),
        ("route\tGET a\tqueries", 2, "`queries` is no number with a name", "correct or remove"),
        ("route\tGET a\tqueries=-1", 2, "`queries=-1` is no number", "correct or remove"),
        ("route\tGET a\tqueries=1 queries=2", 2, "`queries` has two numbers", "correct or remove"),
        ("test\ta\tx=1\n\n# b\ntest\ta\tx=2", 5, "`test a` stands in line 2 already", "dbperf baseline fmt"),
        ("tset\ta\tx=1", 2, "begins with finding, route or test and a TAB, not with `tset`", "correct or"),
        ("test  a  x=1", 2, "spaces separate the fields", "run `dbperf baseline fmt my\\ shop.tsv`"),
        ("test a x=1", 2, "spaces separate the fields", "correct or remove"),
    ],
)
def test_a_broken_line_is_named_with_a_remedy(lines, line, problem, remedy):
    """A run stops with what is wrong, and a debt is never left out in silence."""
    with pytest.raises(BrokenBaseline) as caught:
        parsed(f"# dbperf-baseline/1\n{lines}\n", "my shop.tsv")

    assert str(caught.value).startswith(f"my shop.tsv:{line}: ")
    assert problem in caught.value.problem
    assert remedy.replace("my\\ shop.tsv", "'my shop.tsv'") in str(caught.value)


def test_a_file_without_its_first_line_is_refused():
    """It may be another file, or a part of one."""
    with pytest.raises(BrokenBaseline, match=r"^a\.tsv:2: the first line is not `# dbperf-baseline/1`"):
        parsed("\ntest\ta\tx=1\n", "a.tsv")


def test_an_error_about_the_whole_file_has_no_line():
    """There is none to go to."""
    assert str(BrokenBaseline("a", None, "b", "c")) == "a: b. To repair it, c."


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("test\ta\tx=1", "test\ta\tx=1"),
        ("test  a   x=1 y=2  # why", "test\ta\tx=1 y=2\t# why"),
        ("test\ta\tx=1 y=2\t# one\ntest\ta\ty=1 z=3\t# two", "test\ta\tx=1 y=1 z=3\t# one, two"),
        ("# A\ntest\ta\tx=1\t# one\n# B\ntest\ta\tx=2\t# one", "# A\n# B\ntest\ta\tx=1\t# one"),
        ("test\ta\tx=3\ntest\ta\tx=2\t# two", "test\ta\tx=2\t# two"),
    ],
)
def test_what_can_be_repaired_is_read(text, canonical):
    """The stricter number of a repeated line counts, and no comment is lost."""
    assert written(parsed(text, "a", repair=True)) == f"# dbperf-baseline/1\n{canonical}\n"


@pytest.mark.parametrize("text", ["<<<<<<< a", "test a x=1", "# dbperf-baseline/2"])
def test_what_cannot_be_repaired_is_refused(text):
    """There is more than one way to read it."""
    with pytest.raises(BrokenBaseline):
        parsed(text, "a", repair=True)


def test_comments_of_a_debt_that_is_not_there_are_those_of_the_file():
    """No comment is lost where a debt was removed, or has no number left."""
    baseline = Baseline({TEST: Debt(TEST)}, {FINDING: ["# one"], TEST: ["two", ""]})

    assert written(baseline) == "# dbperf-baseline/1\n# one\n# two\n#\n"


def test_comments_stay_on_their_lines():
    """What a program passes as a reason may have line breaks."""
    baseline = Baseline({ROUTE: Debt(ROUTE, {"hops": 1}, "a\nb")}, {ROUTE: ["# c\r\nd"]})

    assert written(baseline) == "# dbperf-baseline/1\n# c d\nroute\tGET books/\thops=1\t# a b\n"


names = st.text(st.characters() | st.sampled_from("\\\t\n# é"), max_size=8)
texts = st.text("ab# =\té@,", max_size=8).map(str.strip)
numbers = st.dictionaries(
    st.sampled_from(["queries", "hops", "query_budget", "other"]), st.integers(0, 999), min_size=1
)
debts = st.one_of(
    st.builds(
        lambda one, two, three, why: Debt(Key("finding", (one, two, three)), {}, why),
        names,
        names,
        names,
        texts,
    ),
    st.builds(
        lambda kind, name, many, why: Debt(Key(kind, (name,)), many, why),
        st.sampled_from(["route", "test"]),
        names,
        numbers,
        texts,
    ),
)


@st.composite
def baselines(draw):
    """Debts of all types, some with comments above them."""
    all_debts = {debt.key: debt for debt in draw(st.lists(debts, max_size=6))}
    lines = st.lists(texts.map(lambda text: f"# {text}".strip()), min_size=1, max_size=2).map(tuple)
    keys = draw(st.sets(st.sampled_from([None, *all_debts])))
    return Baseline(all_debts, {key: draw(lines) for key in keys})


@settings(deadline=None)
@given(baselines())
def test_every_baseline_is_read_as_it_was_written(baseline):
    """Whatever its names, and its lines are in the order in which `LC_ALL=C sort` puts them."""
    text = written(baseline)
    lines = [line for line in text.encode().split(b"\n") if line and not line.startswith(b"#")]

    assert same(parsed(text, "a")) == same(baseline)
    assert written(parsed(text, "a")) == text
    assert lines == sorted(lines)
