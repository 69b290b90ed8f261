"""What is served where?"""

from django.contrib import admin
from django.urls import path

from config.api import api
from metrics.views import scrape

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/", api.urls),
    path("metrics", scrape),
]
