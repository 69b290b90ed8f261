"""A view that does whatever it is given to do."""

from django.http import HttpResponse
from django.urls import path


def view(request):
    """Run the work of the benchmark, below everything that a request passes."""
    request.META["benchmark"]()
    return HttpResponse()


urlpatterns = [path("", view)]
