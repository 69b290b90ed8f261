"""The views of the tests' project, and those of the debug toolbar."""

from django.urls import include, path

from shop.urls import urlpatterns as pages

urlpatterns = [*pages, path("__debug__/", include("debug_toolbar.urls"))]
