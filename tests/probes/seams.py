"""The seams, each with the signature that the probes rely on."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import psycopg_pool
from anyio._backends._asyncio import AsyncIOBackend
from asgiref.sync import AsyncToSync, SyncToAsync
from django.core.handlers.base import BaseHandler
from django.db.backends import utils
from django.db.backends.base import base

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
    (psycopg_pool.ConnectionPool, "_connect"): "self, timeout=None",
    (psycopg_pool.AsyncConnectionPool, "_connect"): "self, timeout=None",
    (psycopg_pool.pool.WaitingClient, "wait"): "self, timeout",
    (psycopg_pool.pool.AddConnection, "__init__"): "self, pool, attempt=None, growing=False",
    (psycopg_pool.pool.MaintenanceTask, "run"): "self",
    (SyncToAsync, "__init__"): "self, func, thread_sensitive=True, executor=None",
    (SyncToAsync, "__call__"): "self, *args, **kwargs",
    (AsyncToSync, "__init__"): "self, awaitable, force_new_loop=False",
    (AsyncToSync, "__call__"): "self, *args, **kwargs",
    (threading.Thread, "start"): "self",
    (ThreadPoolExecutor, "submit"): "self, fn, /, *args, **kwargs",
    (asyncio.BaseEventLoop, "create_task"): "self, coro, *, name=None, context=None",
    (AsyncIOBackend, "run_sync_in_worker_thread"): "cls, func, args, abandon_on_cancel=False, limiter=None",
    (BaseHandler, "get_response"): "self, request",
    (BaseHandler, "get_response_async"): "self, request",
    (BaseHandler, "_get_response"): "self, request",
    (BaseHandler, "_get_response_async"): "self, request",
}
