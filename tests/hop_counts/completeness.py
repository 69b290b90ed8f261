"""Does the table leave out a call of Django's? Django's source lists them, also in new modules."""

import ast
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import django

from tests.hop_counts.measuring import GROUPS, function_of, has

# The asynchronous functions of Django that are not in the table, by reason.
NOT_MEASURED = {
    "aauthenticate(), aget_user() and the methods of a user call it": (
        "django.contrib.auth.backends.*Backend.aauthenticate",
        "django.contrib.auth.backends.*Backend.aget_*permissions",
        "django.contrib.auth.backends.*Backend.aget_user",
        "django.contrib.auth.backends.*Backend.ahas_module_perms",
        "django.contrib.auth.backends.*Backend.ahas_perm",
    ),
    "for a web server that authenticates users itself": (
        "django.contrib.auth.backends.RemoteUserBackend.*",
        "django.contrib.auth.middleware.RemoteUserMiddleware.*",
    ),
    "each session store overrides it, and that is measured": (
        "django.contrib.sessions.backends.base.SessionBase.aclear_expired",
        "django.contrib.sessions.backends.base.SessionBase.acreate",
        "django.contrib.sessions.backends.base.SessionBase.adelete",
        "django.contrib.sessions.backends.base.SessionBase.aexists",
        "django.contrib.sessions.backends.base.SessionBase.aload",
        "django.contrib.sessions.backends.base.SessionBase.asave",
    ),
    "one session store is measured for all": (
        "django.contrib.sessions.backends.cache.*",
        "django.contrib.sessions.backends.cached_db.*",
        "django.contrib.sessions.backends.file.*",
        "django.contrib.sessions.backends.signed_cookies.*",
    ),
    "a task and its result call it": (
        "django.tasks.backends.*Backend.aenqueue",
        "django.tasks.backends.*Backend.aget_result",
    ),
    "for tests; requests are measured as a server makes them": ("django.test.client.*",),
}


def left_out() -> list[str]:
    """Name the asynchronous functions of this Django that are neither measured nor excused."""
    measured = set()
    for group in GROUPS.values():
        for function in (function_of(name) for name in group if has(name)):
            if function is not None:
                measured.add(f"{function.__module__}.{function.__qualname__}".replace(".<locals>", ""))
    excused = [pattern for patterns in NOT_MEASURED.values() for pattern in patterns]
    return sorted(
        name for name in set(defined()) - measured if not any(fnmatch(name, pattern) for pattern in excused)
    )


def defined() -> Iterator[str]:
    """Name the public asynchronous functions and methods that Django defines: names that begin with `a`."""
    root = Path(django.__file__).parent
    for path in sorted(root.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        if "async def a" in source:
            module = ".".join(path.relative_to(root.parent).with_suffix("").parts).removesuffix(".__init__")
            yield from _within(ast.parse(source), module)


def _within(node: ast.AST, place: str, *, is_local: bool = False) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.ClassDef(name=name):
                yield from _within(child, f"{place}.{name}")
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                # A function inside a function is local, unless it is in a class.
                if isinstance(child, ast.AsyncFunctionDef) and name.startswith("a") and not is_local:
                    yield f"{place}.{name}"
                yield from _within(child, f"{place}.{name}", is_local=True)
            case _:
                yield from _within(child, place, is_local=is_local)
