"""A seam that is gone stops what needs it, and nothing else."""

# A library that has changed: pytest loads it before our plugin listens.
GONE = """
import asgiref.sync


class SyncToAsync(asgiref.sync.SyncToAsync):
    pass


asgiref.sync.SyncToAsync = SyncToAsync
"""
REASON = (
    "SyncToAsync.__init__ is gone: this version of pytest-dbperf does not support the installed version of"
)


def test_a_run_that_asks_for_nothing_of_it_goes_on(suite):
    """Queries are counted without the probe of hops, and the head of the run says what is missing."""
    suite.file("gone.py", GONE)
    suite.tests("""
def test_nothing():
    pass

@db
@pytest.mark.query_budget(1)
def test_queries():
    queries(2)

@pytest.mark.max_thread_hops(1)
def test_hops():
    pass

def test_window(no_sync_to_async):
    with no_sync_to_async():
        pass

def test_recording(dbperf):
    pass

def test_client(asgi_client):
    pass
""")

    result = suite.run("-p", "gone")

    result.assert_outcomes(passed=1, failed=2, errors=3)
    result.stdout.fnmatch_lines_random(
        [
            "dbperf: cannot record what these probes listen to: hops",
            "queries 2 > 1 (+1) *",
            f"max_thread_hops(1) at test_it.py:* cannot be checked: {REASON} gone, *",
            f"no_sync_to_async at test_it.py:* cannot be checked: {REASON} gone, *",
            f"dbperf cannot record this test: {REASON} gone, *",
            f"asgi_client cannot record this test: {REASON} gone, *",
        ]
    )
    assert result.stdout.str().count("cannot record what these probes listen to") == 1


def test_a_report_needs_all_numbers(suite):
    """One with a number missing would be wrong."""
    suite.file("gone.py", GONE)

    result = suite.run_tests("def test_nothing(): pass", "-p", "gone", "--dbperf-report=term")

    assert result.ret == 4
    result.stderr.fnmatch_lines(
        [f"ERROR: The numbers that were asked for cannot be measured: {REASON} gone, *"]
    )


def test_with_all_probes_the_head_of_the_run_says_nothing(suite):
    """It is about what is missing."""
    result = suite.run_tests("def test_nothing(): pass")

    result.stdout.no_fnmatch_line("dbperf: cannot record*")


def test_a_library_that_cannot_be_imported_does_not_stop_a_run(suite):
    """psycopg needs the libpq of PostgreSQL, which a project with another database may lack."""
    suite.file("psycopg/__init__.py", "raise ImportError('no pq wrapper available')")
    suite.file("django_settings.py", "from settings import *")
    suite.file(
        "on_sqlite.py",
        "SECRET_KEY = 'x'\nINSTALLED_APPS = ['shop', 'shelf', 'django.contrib.contenttypes']\n"
        "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ':memory:'}}\n"
        "DEFAULT_AUTO_FIELD = 'django.db.models.BigAutoField'\nMIGRATION_MODULES = {'contenttypes': None}\n",
    )
    suite.tests("""
@db
@pytest.mark.query_budget(2)
def test_queries():
    queries(2)

@db
@pytest.mark.max_new_connections(0)
def test_connections():
    pass
""")

    result = suite.run("--ds=on_sqlite")

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["max_new_connections(0) * cannot be checked: no pq wrapper available."])
