"""Does a real Prometheus read the service, and does every panel of the dashboard get numbers?"""

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from django.test import Client, override_settings

from config.environment import BASE_DIR
from conftest import or_skipped
from metrics.tests.readings import TOKEN, scraped
from throwaway_servers import gunicorn, prometheus
from throwaway_servers.processes import PATIENCE, find

MONITORING = BASE_DIR / "monitoring"
DASHBOARD = json.loads((MONITORING / "grafana-dashboard.json").read_text(encoding="utf-8"))
PANELS = {panel["title"]: panel for panel in DASHBOARD["panels"]}
# The values that Grafana gives its variables if Prometheus scrapes once a second.
VARIABLES = {"$job": "campaigns", "$__rate_interval": "8s"}
QUERIES_OF_A_LIST = 2

# One of the four requests is for an unknown path, and runs no query.
TESTS = """
import pytest

@pytest.mark.django_db
def test_lists(client):
    for _ in range(3):
        client.get("/api/campaigns/")
    client.get("/nothing")
"""
STATEMENTS_PER_REQUEST_OF_TESTS = 3 * QUERIES_OF_A_LIST / 4
# A run of tests has none.
OF_WORKERS = {
    "Requests at a time, per worker",
    "CPU time of each worker",
    "Memory of each worker",
    "Workers",
}


@dataclass(frozen=True, slots=True)
class Watched:
    """The service, and the Prometheus that scrapes it."""

    site: str
    prometheus: str

    def ask(self, *paths: str) -> None:
        """Send requests to the service."""
        for path in paths:
            try:
                urlopen(f"{self.site}{path}", timeout=PATIENCE).close()
            except HTTPError as error:
                error.close()

    def answer(self, expression: str) -> list[float]:
        """Return Prometheus' answer to an expression of the dashboard, without NaN."""
        return answer_of(self.prometheus, expression, VARIABLES)


def answer_of(prometheus: str, expression: str, variables: Mapping[str, str]) -> list[float]:
    """Evaluate an expression of the dashboard, and leave out NaN."""
    for variable, value in variables.items():
        expression = expression.replace(variable, value)
    question = f"{prometheus}/api/v1/query?{urlencode({'query': expression})}"
    with urlopen(question, timeout=PATIENCE) as answer:
        results = json.load(answer)["data"]["result"]
    return [value for result in results if math.isfinite(value := float(result["value"][1]))]


def config_in(directory: Path, target: str) -> Path:
    """Write the project's configuration of Prometheus for another target and a shorter interval."""
    config = (MONITORING / "prometheus.yml").read_text(encoding="utf-8")
    for ours, here in {"localhost:8000": target, "15s": "1s"}.items():
        assert config.count(ours) == 1
        config = config.replace(ours, here)
    (directory / "metrics-token").write_text(TOKEN)
    (directory / "prometheus.yml").write_text(config)
    return directory / "prometheus.yml"


@pytest.fixture
def watched(served_database_url: str, tmp_path: Path) -> Iterator[Watched]:
    """Serve with two workers, and scrape them."""
    environ = {"DATABASE_URL": served_database_url, "METRICS_TOKEN": TOKEN}
    with gunicorn.serving("wsgi", "--workers", "2", **environ) as site:
        config = config_in(tmp_path, site.url.removeprefix("http://"))
        with or_skipped(partial(prometheus.serving, config)) as url:
            yield Watched(site.url, url)


@pytest.mark.services
def test_every_panel_has_something_to_draw(watched: Watched) -> None:
    """Each of its expressions has numbers, with every metric and label that it names."""
    missing = [target["expr"] for panel in PANELS.values() for target in panel["targets"]]
    deadline = time.monotonic() + PATIENCE

    while missing and time.monotonic() < deadline:
        watched.ask("/api/campaigns/", "/api/campaigns/1", "/nothing")
        missing = [expression for expression in missing if not watched.answer(expression)]
        time.sleep(0.2)

    assert missing == []


@pytest.mark.services
def test_the_dashboard_draws_what_the_budgets_hold(watched: Watched) -> None:
    """Statements per request are the queries of a view."""
    expression = PANELS["Statements per request"]["targets"][0]["expr"]
    deadline = time.monotonic() + PATIENCE

    while (drawn := watched.answer(expression)) != [pytest.approx(QUERIES_OF_A_LIST, rel=0.05)]:
        assert time.monotonic() < deadline, drawn
        watched.ask("/api/campaigns/")
        time.sleep(0.2)


@pytest.mark.services
def test_the_dashboard_draws_a_run_of_tests(tmp_path: Path) -> None:
    """The file of pytest-dbperf has the names and labels of production."""
    report = tmp_path / "run.om"
    (tmp_path / "test_it.py").write_text(TESTS)
    options = ("-c", "pytest.ini", "-p", "conftest", "-p", "no:cacheprovider")
    subprocess.run(
        [sys.executable, "-m", "pytest", *options, f"--dbperf-report=openmetrics:{report}", tmp_path],
        cwd=BASE_DIR,
        env={**os.environ, "DATABASE_URL": "sqlite://:memory:"},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    variables = {"$job": f"{BASE_DIR.name}-tests", "$__rate_interval": "1m"}

    with or_skipped(partial(prometheus.serving, config_in(tmp_path, "localhost:1"), report)) as url:
        drawn = {
            title: [answer_of(url, target["expr"], variables) for target in panel["targets"]]
            for title, panel in PANELS.items()
        }

    assert {title for title, answers in drawn.items() if not all(answers)} == OF_WORKERS
    assert drawn["Statements per request"] == [[pytest.approx(STATEMENTS_PER_REQUEST_OF_TESTS)]]


def test_the_dashboard_draws_the_metrics_of_the_report() -> None:
    """Latency as p50, p95 and p99."""
    drawn = " ".join(target["expr"] for panel in PANELS.values() for target in panel["targets"])
    latency = [target["legendFormat"] for target in PANELS["Latency"]["targets"]]

    assert latency == ["p50", "p95", "p99"]
    for name in ("django_db_new_connections_total", "django_db_execute_total"):
        assert name in drawn


def test_the_dashboard_can_be_imported_as_it_is() -> None:
    """Its data source is a variable, which Grafana fills in, and no two panels overlap."""
    sources = [target["datasource"] for panel in PANELS.values() for target in [panel, *panel["targets"]]]
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in PANELS.values()]

    assert DASHBOARD["id"] is None
    assert {variable["name"] for variable in DASHBOARD["templating"]["list"]} == {"datasource", "job"}
    assert all(source == {"type": "prometheus", "uid": "${datasource}"} for source in sources)
    assert len(set(places)) == len(places) == len(DASHBOARD["panels"])
    assert all(panel["fieldConfig"]["defaults"]["unit"] and panel["description"] for panel in PANELS.values())


@contextmanager
def promtool() -> Iterator[str]:
    """Find Prometheus' tool for checking files."""
    yield find("promtool", "prometheus")


@pytest.mark.services
def test_the_configuration_is_valid(tmp_path: Path) -> None:
    """Prometheus' own tool reports nothing."""
    config = config_in(tmp_path, "localhost:8000")

    with or_skipped(promtool) as program:
        checked = subprocess.run(
            [program, "check", "config", config], capture_output=True, text=True, check=False
        )

    assert checked.returncode == 0, checked.stderr


@pytest.mark.services
@pytest.mark.django_db
def test_the_metrics_are_named_as_they_should_be(client: Client) -> None:
    """Prometheus' own tool accepts names, units and descriptions."""
    client.get("/api/campaigns/")
    with override_settings(METRICS_TOKEN=TOKEN):
        metrics = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).content

    with or_skipped(promtool) as program:
        checked = subprocess.run(
            [program, "check", "metrics"], input=metrics, capture_output=True, check=False
        )

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


@pytest.mark.services
def test_the_metrics_of_workers_are_named_as_they_should_be(served_database_url: str) -> None:
    """They are put together in another way."""
    with gunicorn.serving("wsgi", DATABASE_URL=served_database_url, METRICS_TOKEN=TOKEN) as site:
        urlopen(f"{site.url}/api/campaigns/", timeout=PATIENCE).close()
        metrics = scraped(site.url).encode()

    with or_skipped(promtool) as program:
        checked = subprocess.run(
            [program, "check", "metrics"], input=metrics, capture_output=True, check=False
        )

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
