"""Where the views are."""

from django.urls import path

from shop import views

urlpatterns = [
    path("books/", views.titles_and_names),
    path("count/", views.count_both_ways),
]
