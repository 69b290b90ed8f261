"""Ten thousand random merges keep to their rules, and so do queues of eight branches."""

import subprocess
from random import Random

import pytest

from pytest_dbperf.baseline.conflicts import versions_in
from pytest_dbperf.baseline.debts import Baseline, Debt, Key
from pytest_dbperf.baseline.merging import limits_of, merged
from pytest_dbperf.baseline.text import BrokenBaseline, parsed, written

MERGES, QUEUES, WITH_GIT = 10_000, 400, 40
KEYS = [
    *(
        Key("finding", ("no_n_plus_one", subject, f"shop/{file}.py titles"))
        for subject in "ab"
        for file in "cd"
    ),
    *(Key("route", (f"GET {path}/",)) for path in "efg"),
    *(Key("test", (f"tests/test_{name}.py::test",)) for name in "hij"),
]
NAMES = {"finding": (), "route": ("queries", "hops"), "test": ("query_budget", "max_thread_hops")}
ABSENT = -1


def comment(random):
    """A text that no other comment has."""
    return f"c{random.getrandbits(64):x}"


def random_debt(random, key):
    """A debt with one number or two, and with a comment or none."""
    names = random.sample(NAMES[key.debt_type], random.randint(1, 2)) if NAMES[key.debt_type] else ()
    numbers = {name: random.randint(5, 15) for name in names}
    return Debt(key, numbers, comment(random) if random.random() < 0.5 else "")


def random_base(random):
    """Some debts, some of them with comments above, and sometimes a comment of the file."""
    debts = {key: random_debt(random, key) for key in KEYS if random.random() < 0.6}
    comments = {key: (comment(random),) for key in (None, *debts) if random.random() < 0.3}
    return Baseline(debts, comments)


def canonical(baseline):
    """A baseline as it comes out of its file."""
    return parsed(written(baseline), "a")


def changed(random, base):
    """A branch of a baseline, with up to four changes."""
    debts, comments = dict(base.debts), dict(base.comments)
    for _ in range(random.randint(0, 4)):
        key, other = random.choice(KEYS), random.choice(KEYS)
        debt = debts.get(key)
        change = random.choice(
            ["number", "number", "remove", "rename", "comment", "comment above", "of the file"]
        )
        if change == "of the file":
            comments[None] = (*comments.get(None, ()), comment(random))
        elif debt is None:
            debts[key] = random_debt(random, key)
        elif change == "number":
            new = random_debt(random, key)
            debts[key] = Debt(key, new.numbers, debt.comment)
        elif change == "remove":
            del debts[key]
            comments.pop(key, None)
        elif change == "rename" and other not in debts and other.debt_type == key.debt_type:
            debts[other] = Debt(other, debts.pop(key).numbers, debt.comment)
            if key in comments:
                comments[other] = comments.pop(key)
        elif change == "comment":
            kept = f"{debt.comment}, " if debt.comment and random.random() < 0.5 else ""
            debts[key] = Debt(key, debt.numbers, f"{kept}{comment(random)}")
        elif change == "comment above":
            comments[key] = (*comments.get(key, ())[random.randint(0, 1) :], comment(random))
    return Baseline(debts, comments)


def limit(baseline, key, name):
    """What a baseline allows; without a debt it is below all numbers."""
    return limits_of(baseline.debts.get(key)).get(name, ABSENT)


def all_limits(*baselines):
    """The keys and names of all limits."""
    return {(key, name) for each in baselines for key, debt in each.debts.items() for name in limits_of(debt)}


def words_of(baseline):
    """All comments, word by word."""
    texts = [debt.comment for debt in baseline.debts.values()]
    texts += [line.removeprefix("#") for lines in baseline.comments.values() for line in lines]
    return {word.strip(",") for text in texts for word in text.split()}


def words_about(baseline, key):
    """The comments of one debt, and above it."""
    debt = baseline.debts.get(key)
    return words_of(Baseline({key: debt} if debt else {}, {key: baseline.comments.get(key, ())}))


def check_limits(base, ours, theirs, result):
    """A limit is never above a side that changed it, and if neither did, it is what it was."""
    for key, name in all_limits(base, ours, theirs, result):
        before, *sides = (limit(each, key, name) for each in (base, ours, theirs))
        changes = [side for side in sides if side != before]
        assert limit(result, key, name) == min(changes, default=before)


def check_comments(base, ours, theirs, result):
    """What a side wrote is there. What was there before goes only with its debt, or if a side removed it."""
    there = words_of(result)
    for side in (ours, theirs):
        assert words_of(side) - words_of(base) <= there
    removed = (words_of(base) - words_of(ours)) | (words_of(base) - words_of(theirs))
    gone = {key for key in base.debts if key not in result.debts}
    with_debt = {word for key in gone for side in (base, ours, theirs) for word in words_about(side, key)}
    assert words_of(base) - removed - with_debt <= there


def conflict(random, base, ours, theirs):
    """A conflict as git writes it, in one of its styles, with the equal lines at the start outside of it."""
    texts = [written(each).splitlines() for each in (base, ours, theirs)]
    equal = random.choice([0, 1])
    before, one, other = (text[equal:] for text in texts)
    middle = ["||||||| base", *before] if random.random() < 0.5 else []
    lines = [*texts[0][:equal], "<<<<<<< ours", *one, *middle, "=======", *other, ">>>>>>> theirs", ""]
    return random.choice(["\n", "\r\n"]).join(lines), bool(middle)


def check_conflict(random, base, ours, theirs, result):
    """A run refuses a file with markers. Its repair gives the same debts, or stricter ones."""
    text, has_base = conflict(random, base, ours, theirs)
    with pytest.raises(BrokenBaseline):
        parsed(text, "a")
    versions = versions_in(text, "a")
    sides = [parsed(each, "a") for each in (versions.ours, versions.theirs)]
    repaired = merged(parsed(versions.base, "a") if has_base else None, *sides)

    if has_base:
        assert repaired.debts == result.debts
    for key, name in all_limits(ours, theirs, repaired):
        if not has_base:
            assert limit(repaired, key, name) == min(limit(ours, key, name), limit(theirs, key, name))
    assert (words_of(ours) | words_of(theirs)) - words_of(base) <= words_of(repaired)


def three_versions(random):
    """A baseline and two branches of it."""
    base = random_base(random)
    return base, changed(random, base), changed(random, base)


@pytest.mark.parametrize("part", range(10))
def test_no_limit_is_above_the_stricter_side_and_no_comment_is_lost(part):
    """Debts are removed, raised, lowered, renamed and added, comments written and removed, on both sides.

    A side that did not change a number has no say: else a branch could add no debt and raise none, even with
    a reason. If one side changed a number, the result is that of this side. If both did, it is the lower one,
    and a removed one is below all numbers. A renamed debt is a removed one and a new one.

    A comment is lost if a side wrote it and the result has it nowhere. It is also lost if it was there then,
    neither side removed it, and the result has its debt without it.
    """
    for number in range(MERGES // 10):
        random = Random(part * MERGES + number)
        base, ours, theirs = three_versions(random)
        result = merged(base, ours, theirs)

        check_limits(base, ours, theirs, result)
        check_comments(base, ours, theirs, result)
        check_conflict(random, base, ours, theirs, result)
        assert canonical(result).debts == result.debts
        assert {key: debt.numbers for key, debt in merged(base, theirs, ours).debts.items()} == {
            key: debt.numbers for key, debt in result.debts.items()
        }
        assert written(merged(base, base, theirs)) == written(theirs)


def true_limits(causes):
    """What a suite needs: each finding that it has, and what its causes cost each route and test."""
    needs = {}
    for key, name, cost in causes:
        needs[key, name] = needs.get((key, name), 0) + cost
    return needs


def is_green(causes, default, baseline):
    """Whether every true number is within the default or the debt."""
    return all(
        number <= max(limit(baseline, key, name), 0 if key.debt_type == "finding" else default)
        for (key, name), number in true_limits(causes).items()
    )


def tightened(random, causes, default, baseline):
    """A baseline after `--dbperf-tighten` of some debts: nothing is raised or added."""
    needs, debts = true_limits(causes), {}
    for key, debt in baseline.debts.items():
        if random.random() < 0.3:
            debts[key] = debt
            continue
        lower = {name: min(number, needs.get((key, name), 0)) for name, number in limits_of(debt).items()}
        numbers = {name: number for name, number in lower.items() if number > default}
        if numbers or (key.debt_type == "finding" and lower[""]):
            debts[key] = Debt(key, numbers if key.debt_type != "finding" else {}, debt.comment)
    return canonical(Baseline(debts, baseline.comments))


def test_a_queue_of_branches_that_only_tighten_stays_green():
    """Eight branches are merged one after the other; each forked from an earlier main, and was green.

    The suite is a set of causes. Each is a finding, or costs a route or a test some queries or hops. A branch
    removes some of the causes that main had when it forked. Then it tightens some debts: to what it measures,
    or it removes a debt that is within the default. The merge has no cause that any branch removed. It is
    green if no true number is over both the default and its debt.

    This holds because costs add up: the merge of two fixes costs no more than the better of them alone.
    """
    for number in range(QUEUES):
        random = Random(number)
        default = random.randint(0, 6)
        causes = frozenset(
            (key, name, 1 if key.debt_type == "finding" else random.randint(1, 9))
            for key in KEYS
            for name in NAMES[key.debt_type] or ("",)
            for _ in range(random.randint(0, 1 if key.debt_type == "finding" else 4))
        )
        needs = true_limits(causes)
        debts = {
            key: Debt(key, {name: needs[key, name] for name in NAMES[key.debt_type] if (key, name) in needs})
            for key in {key for key, _ in needs}
        }
        mains = [(causes, canonical(Baseline(debts)))]
        for _ in range(8):
            fork_causes, fork = random.choice(mains)
            removed = {cause for cause in fork_causes if random.random() < 0.2}
            branch = tightened(random, fork_causes - removed, default, fork)
            assert is_green(fork_causes - removed, default, branch)
            on_main, baseline = mains[-1]
            mains.append((on_main - removed, canonical(merged(fork, baseline, branch))))
            assert is_green(*mains[-1][:1], default, mains[-1][1])


@pytest.mark.parametrize("style", ["merge", "diff3", "zdiff3"])
def test_what_git_leaves_is_repaired(tmp_path, style):
    """Git merges line by line, so that a part of the file is merged and another is a conflict.

    Where git wrote the base, the repair gives what the driver would have given. Else it is at most that.
    """
    for number in range(WITH_GIT):
        random = Random(number)
        versions = dict(zip(("base", "ours", "theirs"), three_versions(random), strict=True))
        for name, version in versions.items():
            (tmp_path / name).write_text(written(version))
        option = [] if style == "merge" else [f"--{style}"]
        merge = ["git", "merge-file", "-p", *option, "ours", "base", "theirs"]
        text = subprocess.run(merge, cwd=tmp_path, capture_output=True, text=True, check=False).stdout
        found = versions_in(text, "a")
        driver = merged(*versions.values())
        if found is None:
            assert parsed(text, "a").debts == driver.debts
            continue
        base = None if found.base is None else parsed(found.base, "a", repair=True)
        result = merged(base, *(parsed(each, "a", repair=True) for each in (found.ours, found.theirs)))

        for key, name in all_limits(driver, result):
            if style == "merge":
                assert limit(result, key, name) <= limit(driver, key, name)
            else:
                assert limit(result, key, name) == limit(driver, key, name)
