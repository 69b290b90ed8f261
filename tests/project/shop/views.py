"""Views whose queries and hops are known."""

from asgiref.sync import sync_to_async
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse, StreamingHttpResponse
from django.template import Context, Template

from shop.models import Author, Book


def titles_and_names(request):
    """Run 1 + N queries: one for the books, one for the author of each."""
    return JsonResponse({book.title: name_of_author(book) for book in Book.objects.order_by("id")})


def name_of_author(book):
    """Load the author of a book."""
    return book.author.name


async def count_both_ways(request):
    """Hop twice: by the view's own decision, and by Django's."""
    by_view = await sync_to_async(Author.objects.count)()
    by_django = await Author.objects.acount()
    return JsonResponse({"by view": by_view, "by django": by_django})


def count_while_streaming(request):
    """Query when the body is sent, after the view has returned."""
    return StreamingHttpResponse(f"{Author.objects.count()}\n" for _ in range(3))


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


def broken(request):
    """Fail after a query."""
    Author.objects.count()
    raise LookupError("nothing here")
