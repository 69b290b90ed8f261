"""Which asynchronous calls came with Django 6.0? Pages and tasks."""

from django.core.paginator import AsyncPage, AsyncPaginator
from django.tasks import task
from django.tasks.base import Task, TaskResult
from django.utils import text

from tests.hop_counts.calls_of_models import iterate

OWNERS = {
    "AsyncPaginator": AsyncPaginator,
    "AsyncPage": AsyncPage,
    "Task": Task,
    "TaskResult": TaskResult,
    "text": text,
}


@task
def sync_task():
    """Do nothing, in a thread."""


@task
async def async_task():
    """Do nothing, on a loop."""


@task(backend="dummy")
def kept_task():
    """Do nothing, in a backend that stores results."""


def _paginator(it):
    return AsyncPaginator(it.books.order_by("pk"), 2)


def _page(it):
    paginator = _paginator(it)
    return AsyncPage(paginator.object_list[:2], 1, paginator)


def _second_page(it):
    paginator = _paginator(it)
    return AsyncPage(paginator.object_list[2:], 2, paginator)


async def _list_from_stream():
    async def parts():
        yield b"part"

    await iterate(text.acompress_sequence(parts()))


PAGES = {
    "AsyncPage.aend_index": lambda it: _page(it).aend_index(),
    "AsyncPage.aget_object_list": lambda it: _page(it).aget_object_list(),
    "AsyncPage.ahas_next": lambda it: _page(it).ahas_next(),
    "AsyncPage.ahas_other_pages": lambda it: _page(it).ahas_other_pages(),
    "AsyncPage.ahas_previous": lambda it: _page(it).ahas_previous(),
    "AsyncPage.anext_page_number": lambda it: _page(it).anext_page_number(),
    "AsyncPage.aprevious_page_number": lambda it: _second_page(it).aprevious_page_number(),
    "AsyncPage.astart_index": lambda it: _page(it).astart_index(),
    "AsyncPaginator.acount": lambda it: _paginator(it).acount(),
    "AsyncPaginator.aget_elided_page_range": lambda it: iterate(_paginator(it).aget_elided_page_range()),
    "AsyncPaginator.aget_page": lambda it: _paginator(it).aget_page(1),
    "AsyncPaginator.anum_pages": lambda it: _paginator(it).anum_pages(),
    "AsyncPaginator.apage": lambda it: _paginator(it).apage(1),
    "AsyncPaginator.apage_range": lambda it: _paginator(it).apage_range(),
    "AsyncPaginator.avalidate_number": lambda it: _paginator(it).avalidate_number(1),
    "async for (AsyncPage)": lambda it: iterate(_page(it)),
    "async for (AsyncPaginator)": lambda it: iterate(_paginator(it)),
}
TASKS = {
    "Task.acall (async)": lambda it: async_task.acall(),
    "Task.acall (sync)": lambda it: sync_task.acall(),
    "Task.aenqueue (async, immediate backend)": lambda it: async_task.aenqueue(),
    "Task.aenqueue (sync, immediate backend)": lambda it: sync_task.aenqueue(),
    "Task.aenqueue (dummy backend)": lambda it: kept_task.aenqueue(),
    "Task.aget_result (dummy backend)": lambda it: kept_task.aget_result(kept_task.enqueue().id),
    "TaskResult.arefresh (dummy backend)": lambda it: kept_task.enqueue().arefresh(),
}

GROUPS = {
    "Pages": PAGES,
    "Tasks": TASKS,
    "Compression": {"text.acompress_sequence": lambda it: _list_from_stream()},
}
