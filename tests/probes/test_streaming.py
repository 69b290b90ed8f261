"""What happens while a streamed body is read belongs to the request that it answers."""

import asyncio
import io
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.http import FileResponse, StreamingHttpResponse
from django.test import AsyncClient, Client
from django.urls import path

from pytest_dbperf.diagnosis.repeats import repeated
from pytest_dbperf.recording.compaction import MOST_UNCOMPACTED
from shop.models import Author, Book
from tests.factories import functions_of

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # Django warns of an iterator that is not of the kind of its handler.
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume"),
    pytest.mark.usefixtures("urls"),
]


def export(request):
    """Write a line for each author."""

    def lines():
        for _ in range(2):
            yield f"{Author.objects.count()}\n"

    return StreamingHttpResponse(lines())


async def export_async(request):
    """Write the same on an event loop."""

    async def lines():
        for _ in range(2):
            yield f"{await Author.objects.acount()}\n"

    return StreamingHttpResponse(lines())


def nest(request):
    """Stream what another request streams."""
    return StreamingHttpResponse(Client().get("/export/").streaming_content)


def send_file(request):
    """Send a file, which a server could send by itself."""
    return FileResponse(io.BytesIO(b"a file"))


class Lines(io.BytesIO):
    """A file that queries when it is read."""

    def read(self, size=-1):
        """Return the next part."""
        Author.objects.count()
        return super().read(size)


def send_lines(request):
    """Send such a file."""
    return FileResponse(Lines(b"lines"))


def stream_long(request):
    """Query more often than the log keeps single events."""
    return StreamingHttpResponse(str(Author.objects.count()) for _ in range(MOST_UNCOMPACTED + 1))


urlpatterns = [
    path("export/", export),
    path("export/async/", export_async),
    path("file/", send_file),
    path("lines/", send_lines),
    path("long/", stream_long),
    path("nest/", nest),
]


@pytest.fixture
def urls(settings):
    """Serve the views of this file, compressed."""
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = ["django.middleware.gzip.GZipMiddleware"]


def requests_of(recording):
    """The request of each query."""
    return [query.request and str(query.request) for query in recording.queries]


def test_a_body_that_the_test_reads_belongs_to_its_request(recorder):
    """Queries of the test itself, between two parts, do not."""
    with recorder.record() as recording:
        response = Client().get("/export/")
        for _ in response.streaming_content:
            Book.objects.count()

    assert requests_of(recording) == ["GET /export/", None] * 2
    in_view = recording.queries[0]
    assert functions_of(in_view) == ["lines", "test_a_body_that_the_test_reads_belongs_to_its_request"]
    assert in_view.cause.is_in_view


@pytest.mark.parametrize("path", ["/export/", "/export/async/"])
def test_the_sync_client_reads_both_sorts_of_iterators(recorder, path):
    """Django runs an asynchronous one on a loop of its own."""
    with recorder.record() as recording:
        body = b"".join(Client().get(path))

    assert body == b"0\n0\n"
    assert requests_of(recording) == [f"GET {path}"] * 2


@pytest.mark.parametrize("path", ["/export/", "/export/async/"])
async def test_the_async_client_reads_both_sorts_of_iterators(recorder, path):
    """Django runs a synchronous one in a thread."""
    with recorder.record() as recording:
        response = await AsyncClient().get(path)
        body = b"".join([part async for part in response])

    assert body == b"0\n0\n"
    assert requests_of(recording) == [f"GET {path}"] * 2
    assert {str(hop.request) for hop in recording.hops if hop.part == "orm"} <= {f"GET {path}"}


def test_a_compressed_body_belongs_to_its_request(recorder):
    """A middleware has wrapped the iterator."""
    with recorder.record() as recording:
        response = Client().get("/export/", headers={"accept-encoding": "gzip"})
        response.getvalue()

    assert response.headers["Content-Encoding"] == "gzip"
    assert requests_of(recording) == ["GET /export/"] * 2


def test_two_bodies_that_are_read_in_turns_are_told_apart(recorder):
    """Each part belongs to its own request, and no query is repeated within one."""
    with recorder.record() as recording:
        responses = [Client().get("/export/") for _ in range(3)]
        list(zip(*(response.streaming_content for response in responses), strict=True))

    assert len({query.request.number for query in recording.queries}) == 3
    assert repeated(recording.queries) == []


def test_a_body_within_a_body_belongs_to_the_inner_request(recorder):
    """As a request within a request does."""
    with recorder.record() as recording:
        Client().get("/nest/").getvalue()

    assert requests_of(recording) == ["GET /export/"] * 2


async def test_a_task_that_reads_a_body_goes_on_with_its_own_cause(recorder):
    """Between two parts, the request is not its own."""

    async def read():
        response = await AsyncClient().get("/export/async/")
        async for _ in response.streaming_content:
            await Book.objects.acount()

    with recorder.record() as recording:
        await asyncio.create_task(read())

    assert requests_of(recording) == ["GET /export/async/", None] * 2


def test_a_file_stays_one_that_a_server_can_send(recorder, rf):
    """The server gets the file, and reads no iterator."""
    environ = {**rf.get("/file/").environ, "wsgi.file_wrapper": lambda file, size: file}

    def served():
        # Django lets the file close the response, also where Python deletes it.
        with WSGIHandler()(environ, lambda status, headers: None) as sent:
            return sent.read()

    # The real handler closes the connections of its thread: this one has the transaction of the test.
    with recorder.record(), ThreadPoolExecutor(1) as server:
        assert server.submit(served).result() == b"a file"


def test_a_file_that_queries_belongs_to_its_request(recorder):
    """A storage may keep files in the database."""
    with recorder.record() as recording:
        assert Client().get("/lines/").getvalue() == b"lines"

    assert requests_of(recording) == ["GET /lines/"] * 2


def test_a_long_body_is_compacted(recorder):
    """All its parts have one cause."""
    with recorder.record() as recording:
        Client().get("/long/").getvalue()

    assert len(recording.queries) == MOST_UNCOMPACTED + 1
    assert len({id(query) for query in recording.queries}) < MOST_UNCOMPACTED


def test_without_a_recording_a_body_stays_as_it_is(recorder):
    """The probe only forwards."""
    assert Client().get("/export/").getvalue() == b"0\n0\n"
    assert recorder.log == []
