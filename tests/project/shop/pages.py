"""Views that show what a client can do."""

import asyncio
import sys

from django.http import HttpResponse, HttpResponseRedirect, JsonResponse, StreamingHttpResponse
from django.template import Context, Template

from shop.models import Author


def count_while_streaming(request):
    """Query when the body is sent, after the view has returned."""
    return StreamingHttpResponse(f"{Author.objects.count()}\n" for _ in range(3))


async def count_while_streaming_async(request):
    """Query when the body is sent, on an event loop."""

    async def parts():
        for _ in range(3):
            yield f"{await Author.objects.acount()}\n"

    return StreamingHttpResponse(parts())


def page(request, name="Ada"):
    """Render a template, and set a cookie."""
    response = HttpResponse(Template("Hello {{ name }}").render(Context({"name": name})))
    response.set_cookie("seen", name)
    return response


def echo(request):
    """Say what was asked."""
    return JsonResponse(
        {
            "body": request.body.decode(),
            "content type": request.content_type,
            "cookies": request.COOKIES,
            "header": request.headers.get("X-Test"),
            "method": request.method,
        }
    )


def redirect(request):
    """Go elsewhere."""
    return HttpResponseRedirect("/page/")


def repeat(request):
    """Go elsewhere, with the same method and body."""
    return HttpResponse(status=307, headers={"Location": "/echo/"})


def leave(request):
    """End the process, or try to."""
    sys.exit(3)


async def count_in_thread(request):
    """Use the ORM in a thread that nobody cleans."""
    return JsonResponse({"count": await asyncio.to_thread(Author.objects.count)})


def broken(request):
    """Fail after a query."""
    Author.objects.count()
    raise LookupError("nothing here")
