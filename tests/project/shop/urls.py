"""Where the views are."""

from django.urls import path

import shelf.views
from shop import pages, views

urlpatterns = [
    path("books/", views.titles_and_names),
    path("broken/", pages.broken),
    path("count/", views.count_both_ways),
    path("echo/", pages.echo),
    path("page/", pages.page),
    path("exit/", pages.leave),
    path("redirect/", pages.redirect),
    path("redirect/307/", pages.repeat),
    path("do/", shelf.views.work),
    path("to-thread/", pages.count_in_thread),
    path("stream/", pages.count_while_streaming),
    path("stream/async/", pages.count_while_streaming_async),
]
