"""A view that does what a test asks of it."""

from django.http import HttpResponse


def work(request):
    """Do it within a request."""
    request.META["work"]()
    return HttpResponse()
