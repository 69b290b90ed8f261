"""A view that runs any function."""

from django.http import HttpResponse
from django.urls import path


def view(request):
    """Run the work of the benchmark, below all layers of a request."""
    request.META["benchmark"]()
    return HttpResponse()


urlpatterns = [path("", view)]
