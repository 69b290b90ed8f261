"""Each kind of relation that has an asynchronous manager."""

from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models


class Shelf(models.Model):
    """Where books stand."""


class Genre(models.Model):
    """What books are about."""

    name = models.CharField(max_length=50)


class Note(models.Model):
    """Something about anything."""

    content_type = models.ForeignKey(ContentType, models.CASCADE)
    object_id = models.PositiveBigIntegerField()
    text = models.CharField(max_length=50)
    about = GenericForeignKey()


class Book(models.Model):
    """Something with a relation of each kind; without the NULL its shelf could not remove it."""

    title = models.CharField(max_length=50)
    shelf = models.ForeignKey(Shelf, models.CASCADE, null=True, related_name="books")
    genres = models.ManyToManyField(Genre, related_name="books")
    notes = GenericRelation(Note)
