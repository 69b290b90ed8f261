"""Which functions of your code are cached, and what do the caches report?"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

from pytest_dbperf.callsites.callsite import CallSite

# A decorator may wrap another one. A broken one may even wrap itself.
_MOST_WRAPPERS = 16


class Counts(NamedTuple):
    """What `cache_info()` reports: the hits, the misses, and the number of entries."""

    hits: int
    misses: int
    entries: int


@dataclass(frozen=True, slots=True, eq=False)
class CachedFunction:
    """A function of your code with a cache around it, such as that of `functools.lru_cache`."""

    function: CodeType
    wrapper: Any

    @property
    def counts(self) -> Counts:
        """What its cache reports now."""
        seen = self.wrapper.cache_info()
        return Counts(seen.hits, seen.misses, seen.currsize)

    @property
    def site(self) -> CallSite:
        """The first line of the function, which is that of its first decorator."""
        return self.function, 0

    @property
    def made_by(self) -> str:
        """The name that a reader knows: `lru_cache`, or the package that the cache comes from."""
        wrapper_type = type(self.wrapper)
        is_function = wrapper_type is FunctionType
        module = self.wrapper.__globals__["__name__"] if is_function else wrapper_type.__module__
        package = str(module).partition(".")[0]
        return "lru_cache" if package == "functools" else package


class CachedFunctions:
    """The cached functions of your modules, by code object. Each is searched for once."""

    def __init__(self) -> None:
        # By id, because hashing a code object reads its whole bytecode. The code object is kept, so that no
        # other one gets its id.
        self._found: dict[int, tuple[CodeType, CachedFunction | None]] = {}
        self._modules: dict[str, list[ModuleType]] = {}

    def of(self, code: CodeType) -> CachedFunction | None:
        """Find the cache around a function. Return None if there is none, or none is certain."""
        found = self._found.get(id(code))
        if found is None:
            found = self._found[id(code)] = code, self._find(code)
        return found[1]

    def _find(self, code: CodeType) -> CachedFunction | None:
        for module in self._modules_of(code.co_filename):
            wrapper = _cache_around(code, _named(module, code.co_qualname))
            if wrapper is not None:
                return CachedFunction(code, wrapper)
        return None

    def _modules_of(self, filename: str) -> list[ModuleType]:
        if filename not in self._modules:
            self._modules = {filename: []}
            for module in [*sys.modules.values()]:
                # Other objects in `sys.modules` are left alone, and a lazy module is not loaded.
                if issubclass(type(module), ModuleType):
                    file = object.__getattribute__(module, "__dict__").get("__file__")
                    if type(file) is str:
                        self._modules.setdefault(file, []).append(module)
        return self._modules[filename]


def _named(module: ModuleType, qualified_name: str) -> Any:
    """Look up `Settings.current` in a module, without running any code of yours or of a library."""
    names: dict[str, Any] = object.__getattribute__(module, "__dict__")
    owner, found = "", None
    for name in qualified_name.split("."):
        is_private = owner and name.startswith("__") and not name.endswith("__")
        found = names.get(f"_{owner.lstrip('_')}{name}" if is_private else name)
        within: Any = found
        names = type.__getattribute__(within, "__dict__") if issubclass(type(within), type) else {}
        owner = name
    return found


def _cache_around(code: CodeType, found: Any) -> Any:
    """Return the outermost wrapper that has a cache, None without one or around another function."""
    cache = None
    for layer in _layers(found):
        if type(layer) is FunctionType and layer.__code__ is code:
            return cache
        if cache is None and _is_a_cache(layer):
            cache = layer
    return None


def _layers(found: Any) -> Iterator[Any]:
    for _ in range(_MOST_WRAPPERS):
        yield found
        if type(found) in (classmethod, staticmethod):
            found = found.__func__
        elif type(found) is property:
            found = found.fget
        elif _has_cache_info(found):
            found = getattr(found, "__wrapped__", None)  # It may be in a slot, as with async_lru.
        else:
            # getattr() would evaluate a lazy object.
            found = inspect.getattr_static(found, "__wrapped__", None)


def _has_cache_info(layer: Any) -> bool:
    return inspect.getattr_static(layer, "cache_info", None) is not None


def _is_a_cache(layer: Any) -> bool:
    if not _has_cache_info(layer):
        return False
    try:
        seen = layer.cache_info()
    except TypeError:  # It takes arguments, so it is not like that of functools.
        return False
    return all(hasattr(seen, name) for name in Counts._fields[:2]) and hasattr(seen, "currsize")
