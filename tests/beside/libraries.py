"""Which libraries are tried, and how does a project use each?"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass


@dataclass
class Seen:
    """How much a library itself has seen, by its own account."""

    count: Callable[[], int] = int


def by_settings(_: Seen) -> None:
    """Do nothing more: `settings.py` has what the project changes for it."""


def nothing_around(_: Seen) -> AbstractContextManager[object]:
    """Do nothing: it is not used by blocks."""
    return nullcontext()


@dataclass(frozen=True)
class Library:
    """One that wraps functions that our probes wrap, or others nearby.

    `modules` have to be installed. `start` does what a project does once, in addition to its settings.
    `around` returns the block that a project puts around code that it measures.
    """

    modules: tuple[str, ...] = ()
    start: Callable[[Seen], None] = by_settings
    around: Callable[[Seen], AbstractContextManager[object]] = nothing_around


def sentry(seen: Seen) -> None:
    """Trace everything, with the integrations that it finds by itself."""
    import sentry_sdk

    sent = []
    sentry_sdk.init("http://key@127.0.0.1:9/1", traces_sample_rate=1.0, transport=sent.append)
    seen.count = lambda: len(sent)


def ddtrace(seen: Seen) -> None:
    """Trace everything that it can patch here."""
    import ddtrace
    from ddtrace.trace import TraceFilter, tracer

    spans = []

    class Keep(TraceFilter):
        def process_trace(self, trace):
            spans.extend(trace)  # Without a result, nothing is sent.

    ddtrace.config.django["instrument_databases"] = True
    ddtrace.patch(raise_errors=True, django=True, psycopg=True, sqlite3=True, futures=True, asyncio=True)
    tracer.configure(trace_processors=[Keep()])
    seen.count = lambda: len(spans)


def opentelemetry(seen: Seen) -> None:
    """Trace requests, statements of psycopg, and threads."""
    from opentelemetry import trace
    from opentelemetry.instrumentation.django import DjangoInstrumentor
    from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
    from opentelemetry.instrumentation.threading import ThreadingInstrumentor
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    DjangoInstrumentor().instrument(is_sql_commentor_enabled=True)
    PsycopgInstrumentor().instrument(skip_dep_check=True)
    ThreadingInstrumentor().instrument()
    seen.count = lambda: len(exporter.get_finished_spans())


def newrelic(_: Seen) -> None:
    """Hook into all modules, without sending anything."""
    from newrelic import agent

    os.environ |= {"NEW_RELIC_DEVELOPER_MODE": "true", "NEW_RELIC_LICENSE_KEY": "0" * 40}
    agent.initialize()
    agent.register_application(timeout=0)


def elasticapm(_: Seen) -> None:
    """Patch all that it knows, in addition to its app and its middleware."""
    import elasticapm

    elasticapm.instrument()


def silk(seen: Seen) -> None:
    """It keeps what it has seen in tables."""
    from silk.models import Request

    seen.count = Request.objects.count


def prometheus(seen: Seen) -> None:
    """It counts statements."""
    from prometheus_client import REGISTRY

    labels = {"alias": "default", "vendor": "postgresql"}
    seen.count = lambda: int(REGISTRY.get_sample_value("django_db_execute_total", labels) or 0)


def zeal(_: Seen) -> AbstractContextManager[object]:
    """Look for N+1 in a block."""
    from zeal import zeal_context

    return zeal_context()


def perf_rec(seen: Seen) -> AbstractContextManager[object]:
    """Record the statements of a block."""
    from django_perf_rec.db import AllDBRecorder

    operations = []
    seen.count = lambda: len(operations)
    return AllDBRecorder(operations.append)


def query_contract(seen: Seen) -> AbstractContextManager[object]:
    """Record the statements of a block, by execute wrappers."""
    from django_query_contract import QueryCapture

    capture = QueryCapture()
    seen.count = lambda: len(capture.records)
    return capture


LIBRARIES = {
    "nothing": Library(),
    "cachalot": Library(("cachalot",)),
    "cacheops": Library(("cacheops",)),
    "ddtrace": Library(("ddtrace",), ddtrace),
    "debug_toolbar": Library(("debug_toolbar",)),
    "elasticapm": Library(("elasticapm",), elasticapm),
    "newrelic": Library(("newrelic",), newrelic),
    "opentelemetry": Library(
        tuple(f"opentelemetry.instrumentation.{each}" for each in ("asgi", "django", "psycopg", "threading")),
        opentelemetry,
    ),
    "perf_rec": Library(("django_perf_rec",), around=perf_rec),
    "prometheus": Library(("django_prometheus",), prometheus),
    "query_contract": Library(("django_query_contract",), around=query_contract),
    "sentry": Library(("sentry_sdk",), sentry),
    "silk": Library(("silk",), silk),
    "zeal": Library(("zeal",), around=zeal),
}
