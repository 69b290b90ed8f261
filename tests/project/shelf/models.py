"""Every kind of relation that can be loaded one by one."""

from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models.functions import Length


class Publisher(models.Model):
    """Somebody who prints."""

    name = models.CharField(max_length=50)


class Writer(models.Model):
    """Somebody who writes, and has learned it from another."""

    name = models.CharField(max_length=50)
    biography = models.TextField(default="")
    mentor = models.ForeignKey("self", models.SET_NULL, null=True, related_name="pupils")

    @property
    def mentor_name(self):
        """Look like a field."""
        return self.mentor.name


class Profile(models.Model):
    """What is said of a writer."""

    writer = models.OneToOneField(Writer, models.CASCADE)
    website = models.CharField(max_length=50, default="")


class Genre(models.Model):
    """A word for many volumes."""

    name = models.CharField(max_length=50)


class Note(models.Model):
    """A remark on anything."""

    content_type = models.ForeignKey(ContentType, models.CASCADE)
    object_id = models.PositiveBigIntegerField()
    subject = GenericForeignKey()
    text = models.CharField(max_length=50, default="")


class Volume(models.Model):
    """A book that has relations of all kinds."""

    title = models.CharField(max_length=50)
    summary = models.TextField(default="")
    writer = models.ForeignKey(Writer, models.CASCADE)
    publisher = models.ForeignKey(Publisher, models.SET_NULL, null=True, related_name="volumes")
    genres = models.ManyToManyField(Genre)
    notes = GenericRelation(Note)

    def __str__(self):
        return f"{self.title} by {self.writer.name}"

    @property
    def writer_name(self):
        """Look like a field."""
        return self.writer.name


class Copy(models.Model):
    """A volume in a shop, which has no number of its own but in it."""

    pk = models.CompositePrimaryKey("volume_id", "number")
    volume = models.ForeignKey(Volume, models.CASCADE, related_name="copies")
    number = models.IntegerField()
    owner = models.ForeignKey(Publisher, models.CASCADE, related_name="+")


class WrittenManager(models.Manager):
    """Leaves out what nobody has written yet."""

    def get_queryset(self):
        """Filter before a relation does."""
        return super().get_queryset().filter(is_written=True).order_by("pk")


class Chapter(models.Model):
    """A part of a volume."""

    volume = models.ForeignKey(Volume, models.CASCADE, related_name="chapters")
    is_written = models.BooleanField(default=True)

    objects = WrittenManager()
    planned = models.Manager()  # noqa: DJ012  # It is a manager like the one above.


class Item(models.Model):
    """Anything that is lent."""

    title = models.CharField(max_length=50)
    publisher = models.ForeignKey(Publisher, models.CASCADE, related_name="+")


class Record(Item):
    """An item that is played: it has a row in two tables."""

    minutes = models.IntegerField(default=45)


class Album(Record):
    """A record with several songs: it has a row in three tables."""

    songs = models.IntegerField(default=12)


class Loan(models.Model):
    """An item that is away. The item may be deleted before: the database does not check that there is one."""

    item = models.ForeignKey(Item, models.DO_NOTHING, related_name="loans", db_constraint=False)
    deposit = models.ForeignKey(Item, models.DO_NOTHING, null=True, related_name="+", db_constraint=False)


class MeasuredManager(models.Manager):
    """Adds a number to each row and leaves out the text, also where a relation loads the row."""

    def get_queryset(self):
        """Count the characters."""
        return super().get_queryset().annotate(length=Length("text")).defer("text")


class Text(models.Model):
    """A text that is not finished."""

    text = models.TextField()

    objects = MeasuredManager()

    class Meta:
        """Relations load it with the number as well."""

        base_manager_name = "objects"


class Proof(models.Model):
    """A print of a text."""

    text = models.ForeignKey(Text, models.CASCADE)


import shelf.relations  # noqa: E402, F401  # More models of this app, related to these.
