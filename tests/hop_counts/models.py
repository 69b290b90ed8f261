"""A model for each type of relation that has an asynchronous manager."""

from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models


class Shelf(models.Model):
    """A place for books."""


class Genre(models.Model):
    """A subject of books."""

    name = models.CharField(max_length=50)


class Note(models.Model):
    """A note about any object."""

    content_type = models.ForeignKey(ContentType, models.CASCADE)
    object_id = models.PositiveBigIntegerField()
    text = models.CharField(max_length=50)
    about = GenericForeignKey()


class Book(models.Model):
    """A book with a relation of each type; its shelf can only remove it because the key may be NULL."""

    title = models.CharField(max_length=50)
    shelf = models.ForeignKey(Shelf, models.CASCADE, null=True, related_name="books")
    genres = models.ManyToManyField(Genre, related_name="books")
    notes = GenericRelation(Note)
