"""What does the plugin say about the three styles of the users API?

The report turned the calls of the first style into those of the second, to save time. They hop as often. The
third style saves hops: it does all database work of an endpoint in one.
"""

import ast
from collections import Counter
from pathlib import Path

import django
import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import UserManager as DjangoUserManager
from django.test import AsyncClient

from config.tests.test_hops import OF_DJANGO
from pytest_dbperf import BudgetExceeded, BudgetFixture, LiveRecording
from users.models import User
from users.tests.apple import Apple
from users.tests.conftest import STYLES
from users.tests.factories import PASSWORD, make_user
from users.tests.operations import prepare, rows_of_readme

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.no_blocking_calls]

CONVERSIONS = {
    "get": "aget",
    "save": "asave",
    "delete": "adelete",
    "create": "acreate",
    "update": "aupdate",
    "exists": "aexists",
    "first": "afirst",
}
"""The calls that the report converted, and what it converted them to."""
EXCEPTIONS = ["check_password", "set_password", "create_user"]
"""What it kept: hashing would block the event loop, and the manager's create_user hashes."""
TOGETHER = "save_credentials"
"""A transaction is one function in each style, because Django has no asynchronous `atomic`."""
LIMITER = "limit_log_ins"
"""Added later: the Redis client is synchronous, in every style."""
ROWS = [
    pytest.param(name, *map(int, numbers), id=name)
    for name, *numbers in rows_of_readme(r"\| `(.+)` \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|")
]
QUERIES = {name: queries for name, queries, *_ in (row.values for row in ROWS)}
APPLES = [name for name in QUERIES if name.startswith("POST apple")]
OTHERS = [name for name in QUERIES if name not in APPLES]
PYTHON = Path(__file__).parents[1]


def awaited(module: str) -> tuple[Counter[str], Counter[str]]:
    """Count the methods that a module awaits directly, and through `sync_to_async`."""
    directly: Counter[str] = Counter()
    by_hop: Counter[str] = Counter()
    for node in ast.walk(ast.parse((PYTHON / module).read_text())):
        match node:
            case ast.Await(ast.Call(ast.Attribute(attr=method))):
                directly[method] += 1
            case ast.Await(ast.Call(ast.Call(ast.Name("sync_to_async"), [ast.Attribute(attr=method)]))):
                by_hop[method] += 1
    return directly, by_hop


def test_each_conversion_of_the_report_is_there() -> None:
    """Where one style uses `sync_to_async`, the other awaits Django's method; caches have `adelete`."""
    before = awaited("api_before.py")[1]
    after = awaited("api.py")[0] + awaited("authentication.py")[0]

    assert {name: after[twin] for name, twin in CONVERSIONS.items()} == {
        name: before[name] for name in CONVERSIONS
    }
    assert min(after[twin] for twin in CONVERSIONS.values()) > 0


def test_each_exception_of_the_report_is_there() -> None:
    """In both styles, as often, and through `sync_to_async`."""
    before, after = awaited("api_before.py")[1], awaited("api.py")[1]

    assert set(after) == {*EXCEPTIONS, TOGETHER}
    assert {name: before[name] for name in after} == dict(after)


@pytest.mark.parametrize(("name", "queries", "before", "after", "one_hop"), ROWS)
async def test_hops_and_queries_are_those_of_the_readme(
    async_client: AsyncClient,
    apple: Apple,
    dbperf: LiveRecording,
    name: str,
    queries: int,
    before: int,
    after: int,
    one_hop: int,
) -> None:
    """Before and after have the same number; in one hop the same queries run."""
    costs = {}
    for style, users_url in STYLES.items():
        await User.objects.all().adelete()
        operation = await sync_to_async(prepare)(name)
        with dbperf.record() as recording:
            response = await operation.send(async_client, users_url)
        assert 200 <= response.status_code < 300
        costs[style] = (len(recording.queries), sum(hop.is_in_view for hop in recording.hops))

    assert costs == {
        "before": (queries, before),
        "after": (queries, after),
        "one hop": (queries, one_hop),
    }
    assert before == after >= one_hop == 1


def test_the_tables_of_the_readme_agree() -> None:
    """They have the same number of queries for each operation."""
    rows = rows_of_readme(r"\| `(\w+)` \| `/api/users/([a-z/-]+).*` \| (?:yes)? ?\| (\d+) \|")

    assert {f"{method} {path}": int(queries) for method, path, queries in rows} == {
        name: QUERIES[name] for name in QUERIES if " to " not in name
    }


async def test_before_is_told_of_each_of_its_hops(
    async_client: AsyncClient, no_sync_to_async: BudgetFixture
) -> None:
    """By the call and its line, with Django's asynchronous method, and that it is no faster."""
    log_in = await sync_to_async(prepare)("POST log-in")

    with pytest.raises(BudgetExceeded) as refusal:
        async with no_sync_to_async(allow=["check_password", LIMITER]):
            await log_in.send(async_client, STYLES["before"])

    said = str(refusal.value)
    assert said.startswith("sync_to_async hops 3 > 0 (+3)")
    for call in ("first", "update", "create"):
        assert f"1x  sync_to_async(QuerySet.{call})   1 query in it\n        users/api_before.py:" in said
    assert "afirst() is shorter than sync_to_async(QuerySet.first), but it hops too: no faster" in said


@pytest.mark.parametrize("name", OTHERS)
async def test_before_hops_by_itself_in_every_operation(
    async_client: AsyncClient, no_sync_to_async: BudgetFixture, name: str
) -> None:
    """Whatever `allow` permits."""
    operation = await sync_to_async(prepare)(name)

    with pytest.raises(BudgetExceeded, match=r"sync_to_async hops \d > 0"):
        async with no_sync_to_async(allow=[*EXCEPTIONS, LIMITER]):
            await operation.send(async_client, STYLES["before"])


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.no_sync_to_async(allow=[*EXCEPTIONS, TOGETHER, LIMITER, "prepare"], reason="it blocks")
async def test_after_hops_by_itself_for_the_exceptions_only(async_client: AsyncClient, name: str) -> None:
    """Everything else awaits Django's own asynchronous calls."""
    operation = await sync_to_async(prepare)(name)

    response = await operation.send(async_client, STYLES["after"])

    assert 200 <= response.status_code < 300


@pytest.mark.parametrize("name", APPLES)
@pytest.mark.no_sync_to_async(
    allow=["create_user", "identity_of", "link", "prepare"], reason="Apple is far away"
)
async def test_to_ask_apple_is_sent_to_a_thread_as_well(
    async_client: AsyncClient, apple: Apple, name: str
) -> None:
    """It may have to fetch keys: a blocking socket would block the event loop."""
    operation = await sync_to_async(prepare)(name)

    response = await operation.send(async_client, STYLES["after"])

    assert response.status_code == 201


@pytest.mark.max_thread_hops(OF_DJANGO + 1, per_request=True)
@pytest.mark.parametrize("name", QUERIES)
async def test_one_hop_adds_one_to_those_of_django(
    async_client: AsyncClient, apple: Apple, name: str
) -> None:
    """A request has many hops that no view makes: those of its middlewares, and two around them."""
    operation = await sync_to_async(prepare)(name)

    response = await operation.send(async_client, STYLES["one hop"])

    assert 200 <= response.status_code < 300


@pytest.mark.skipif(
    django.VERSION < (6, 0), reason="Django 5.2 verifies on the event loop: see the next test"
)
async def test_acheck_password_hops_once(dbperf: LiveRecording) -> None:
    """From Django 6.0 it is `sync_to_async(check_password)`, so the exception could use it."""
    ada = await sync_to_async(make_user)("ada")

    with dbperf.record() as recording:
        assert await ada.acheck_password(PASSWORD)

    assert len(recording.hops) == 1


@pytest.mark.skipif(django.VERSION >= (6, 0), reason="Django 6.0 verifies in a thread: see the previous test")
@pytest.mark.no_blocking_calls(allow=["acheck_password"], reason="the block below shows what it says")
async def test_acheck_password_blocks_the_event_loop(
    dbperf: LiveRecording, no_blocking_calls: BudgetFixture
) -> None:
    """In Django 5.2 it blocks despite its name, so the exception has to stay."""
    ada = await sync_to_async(make_user)("ada")

    with pytest.raises(BudgetExceeded, match=r"blocking calls 1 > 0"):
        async with no_blocking_calls():
            assert await ada.acheck_password(PASSWORD)

    assert not [hop for hop in dbperf.hops if hop.function.endswith("check_password")]


def test_acreate_user_is_of_djangos_own_users_only() -> None:
    """A manager made from BaseUserManager has none; Django's own hashes on the event loop, up to 6.1."""
    assert hasattr(DjangoUserManager, "acreate_user")
    assert not hasattr(User.objects, "acreate_user")
