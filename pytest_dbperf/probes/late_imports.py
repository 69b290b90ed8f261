"""When is a library wrapped that the project may never import? As soon as it is imported."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from pytest_dbperf.probes.seam import Undo, undo_all
from pytest_dbperf.recording.bugs import Guard


def when_imported(module: str, install: Callable[[], Undo]) -> Undo:
    """Install something once a module is imported: now, if it is already. Return a function that undoes it.

    trio takes 0.2 seconds to import, and the tests of most projects that have it never do.
    """
    if module in sys.modules:
        return install()
    finder = _Finder(module, install)
    sys.meta_path.insert(0, finder)
    return finder.undo


class _Finder(MetaPathFinder):
    def __init__(self, module: str, install: Callable[[], Undo]) -> None:
        self._module = module
        self._install = install
        self._undo: Undo = undo_all()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._module:
            return None
        self._stop_waiting()
        found = (finder.find_spec(fullname, path, target) for finder in sys.meta_path)
        spec = next((each for each in found if each is not None), None)
        if spec is not None and spec.loader is not None:
            spec.loader = _ThenInstall(spec, spec.loader, self._imported)
        return spec

    def _imported(self) -> None:
        # The project imports it, and must not get an error of ours.
        with Guard(f"wrapping {self._module}, which was imported"):
            self._undo = self._install()

    def _stop_waiting(self) -> None:
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def undo(self) -> None:
        self._stop_waiting()
        self._undo()


class _ThenInstall(Loader):
    """Loads one module as its own loader does, then installs something."""

    def __init__(self, spec: ModuleSpec, loader: Loader, imported: Callable[[], None]) -> None:
        self._spec = spec
        self._loader = loader
        self._imported = imported

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        # Tracebacks and `inspect` ask the module's own loader for its source.
        module.__loader__ = self._spec.loader = self._loader
        self._loader.exec_module(module)
        self._imported()
