"""Where the views are."""

from django.urls import path

from shop import views

urlpatterns = [
    path("books/", views.titles_and_names),
    path("broken/", views.broken),
    path("count/", views.count_both_ways),
    path("echo/", views.echo),
    path("page/", views.page),
    path("redirect/", views.redirect),
    path("stream/", views.count_while_streaming),
]
