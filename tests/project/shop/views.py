"""Views whose queries and hops are known."""

from asgiref.sync import sync_to_async
from django.http import JsonResponse

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
