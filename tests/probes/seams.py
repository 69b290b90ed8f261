"""The seams, each with the signature that the probes rely on."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import psycopg_pool
import trio.to_thread
from anyio._backends._asyncio import AsyncIOBackend
from anyio._backends._trio import TrioBackend
from asgiref.sync import AsyncToSync, SyncToAsync
from django.contrib.auth import hashers
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.base import BaseHandler
from django.core.handlers.wsgi import WSGIHandler
from django.db.backends import utils
from django.db.backends.base import base
from django.db.models.manager import BaseManager
from django.db.models.query import ModelIterable, QuerySet
from django.db.models.sql.query import Query
from django.test.client import AsyncClientHandler, ClientHandler

SEAMS = {
    (utils.CursorWrapper, "_execute_with_wrappers"): "self, sql, params, many, executor",
    (utils.CursorWrapper, "callproc"): "self, procname, params=None, kparams=None",
    (utils, "debug_transaction"): "connection, sql",
    (base, "debug_transaction"): "connection, sql",
    (base.BaseDatabaseWrapper, "connect"): "self",
    (base.BaseDatabaseWrapper, "close"): "self",
    (psycopg.BaseConnection, "__init__"): "self, pgconn",
    (psycopg.Connection, "close"): "self",
    (psycopg.AsyncConnection, "close"): "self",
    (psycopg.Connection, "commit"): "self",
    (psycopg.Connection, "rollback"): "self",
    **{
        (cursor, name): signature
        for cursor in (psycopg.Cursor, psycopg.AsyncCursor)
        for name, signature in {
            "execute": "self, query, params=None, *, prepare=None, binary=None",
            "executemany": "self, query, params_seq, *, returning=False",
            "copy": "self, statement, params=None, *, writer=None",
            "stream": "self, query, params=None, *, binary=None, size=1",
        }.items()
    },
    (psycopg.ServerCursor, "execute"): "self, query, params=None, *, binary=None, **kwargs",
    (psycopg.AsyncServerCursor, "execute"): "self, query, params=None, *, binary=None, **kwargs",
    (hashers, "verify_password"): "password, encoded, preferred='default'",
    (psycopg_pool.ConnectionPool, "_connect"): "self, timeout=None",
    (psycopg_pool.ConnectionPool, "getconn"): "self, timeout=None",
    (psycopg_pool.ConnectionPool, "putconn"): "self, conn",
    (psycopg_pool.AsyncConnectionPool, "getconn"): "self, timeout=None",
    (psycopg_pool.AsyncConnectionPool, "putconn"): "self, conn",
    (psycopg_pool.AsyncConnectionPool, "_connect"): "self, timeout=None",
    (psycopg_pool.pool.WaitingClient, "wait"): "self, timeout",
    (psycopg_pool.pool.AddConnection, "__init__"): "self, pool, attempt=None, growing=False",
    (psycopg_pool.pool.MaintenanceTask, "run"): "self",
    (SyncToAsync, "__init__"): "self, func, thread_sensitive=True, executor=None",
    (SyncToAsync, "__call__"): "self, *args, **kwargs",
    (SyncToAsync, "thread_handler"): "self, loop, exc_info, task_context, func, *args, **kwargs",
    (AsyncToSync, "__init__"): "self, awaitable, force_new_loop=False",
    (AsyncToSync, "__call__"): "self, *args, **kwargs",
    (threading.Thread, "start"): "self",
    (ThreadPoolExecutor, "submit"): "self, fn, /, *args, **kwargs",
    (asyncio.BaseEventLoop, "create_task"): "self, coro, *, name=None, context=None",
    (AsyncIOBackend, "run_sync_in_worker_thread"): "cls, func, args, abandon_on_cancel=False, limiter=None",
    (TrioBackend, "run_sync_in_worker_thread"): "cls, func, args, abandon_on_cancel=False, limiter=None",
    (trio.to_thread, "run_sync"): "sync_fn, *args, thread_name=None, abandon_on_cancel=False, limiter=None",
    (Query, "__init__"): "self, model, alias_cols=True",
    (BaseManager, "all"): "self",
    (ModelIterable, "__iter__"): "self",
    (QuerySet, "_add_hints"): "self, **hints",
    (QuerySet, "_clone"): "self",
    (QuerySet, "using"): "self, alias",
    (BaseHandler, "load_middleware"): "self, is_async=False",
    (
        BaseHandler,
        "adapt_method_mode",
    ): "self, is_async, method, method_is_async=None, debug=False, name=None",
    (ASGIHandler, "handle"): "self, scope, receive, send",
    (WSGIHandler, "__call__"): "self, environ, start_response",
    (ClientHandler, "__call__"): "self, environ",
    (AsyncClientHandler, "__call__"): "self, scope",
    (BaseHandler, "get_response"): "self, request",
    (BaseHandler, "get_response_async"): "self, request",
    (BaseHandler, "_get_response"): "self, request",
    (BaseHandler, "_get_response_async"): "self, request",
}
