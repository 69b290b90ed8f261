"""Authors and their books: a foreign key is all that most tests need."""

from django.db import models


class Author(models.Model):
    """Somebody who writes."""

    name = models.CharField(max_length=50)


class Book(models.Model):
    """Something that was written."""

    author = models.ForeignKey(Author, models.CASCADE, related_name="books")
    title = models.CharField(max_length=50)
