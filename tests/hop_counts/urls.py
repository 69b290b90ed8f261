"""Two empty views, and a middleware that is only synchronous."""

from django.http import HttpResponse
from django.urls import path


def sync_view(request):
    """Do nothing, in a thread."""
    return HttpResponse()


async def async_view(request):
    """Do nothing, on the loop."""
    return HttpResponse()


def sync_middleware(get_response):
    """Do nothing, in a thread, around the rest."""

    def middleware(request):
        return get_response(request)

    return middleware


urlpatterns = [path("sync/", sync_view), path("async/", async_view)]
