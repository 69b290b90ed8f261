"""Relations with several names, and managers that create their querysets without `super()`."""

from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models

from shelf.models import Publisher, Volume, Writer


class Seal(models.Model):
    """A writer's mark: its reverse side has one name as an attribute, and another one in queries."""

    writer = models.OneToOneField(Writer, models.CASCADE, related_name="signet", related_query_name="seal")
    maker = models.ForeignKey(Publisher, models.CASCADE, related_name="seals", related_query_name="made")


class Fair(models.Model):
    """Two relations to publishers share the model in between."""

    exhibitors = models.ManyToManyField(
        Publisher, through="Badge", through_fields=("fair", "exhibitor"), related_name="shown_at"
    )
    visitors = models.ManyToManyField(
        Publisher,
        through="Badge",
        through_fields=("fair", "visitor"),
        related_name="been_to",
        related_query_name="fair_visited",
    )


class Badge(models.Model):
    """A publisher at a fair, in one role or the other."""

    fair = models.ForeignKey(Fair, models.CASCADE, related_name="badges")
    exhibitor = models.ForeignKey(Publisher, models.CASCADE, null=True, related_name="+")
    visitor = models.ForeignKey(Publisher, models.CASCADE, null=True, related_name="+")


class Term(models.Model):
    """A word of a glossary, related to other words."""

    synonyms = models.ManyToManyField("self")
    broader = models.ManyToManyField(
        "self", symmetrical=False, related_name="narrower", related_query_name="narrow"
    )
    sources = models.ManyToManyField(
        "self", through="Origin", through_fields=("term", "source"), symmetrical=False, related_name="derived"
    )
    loans = models.ManyToManyField(
        "self", through="Origin", through_fields=("term", "loan"), symmetrical=False, related_name="lent_to"
    )


class Origin(models.Model):
    """Where a term comes from."""

    term = models.ForeignKey(Term, models.CASCADE, related_name="+")
    source = models.ForeignKey(Term, models.CASCADE, null=True, related_name="+")
    loan = models.ForeignKey(Term, models.CASCADE, null=True, related_name="+")


class KeptQuerySet(models.QuerySet):
    """It has a constructor of its own."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.is_of_drafts = True

    def kept(self):
        """Filter, as a method of a queryset."""
        return self.filter(is_thrown_away=False)


class KeptManager(models.Manager):
    """It creates its queryset without `super()`."""

    def get_queryset(self):
        """Leave out some rows."""
        return KeptQuerySet(self.model, using=self._db).kept().order_by("pk")


class OpenManager(models.Manager):
    """It takes the queryset of another manager."""

    def get_queryset(self):
        """Leave out some rows."""
        return self.model.everything.filter(is_closed=False)


class LabelManager(models.Manager):
    """A related manager that a library could have."""

    def __init__(self, instance):
        super().__init__()
        self.model = Label
        self.instance = instance
        self.prefetch_cache_name = "labels"

    def get_queryset(self):
        """Return what was prefetched, or a queryset of another manager."""
        prefetched = getattr(self.instance, "_prefetched_objects_cache", {})
        if self.prefetch_cache_name in prefetched:
            return prefetched[self.prefetch_cache_name]
        return Label.objects.filter(draft=self.instance).order_by("pk")

    def get_prefetch_querysets(self, instances, querysets=None):
        """Load the labels of many drafts, by the protocol of `prefetch_related()`."""
        found = Label.objects.filter(draft__in=instances).order_by("pk")
        return found, lambda label: label.draft_id, lambda draft: draft.pk, False, "labels", False


class Labels:
    """The attribute that has such a manager."""

    def __get__(self, instance, owner=None):
        return self if instance is None else LabelManager(instance)


class Stamp(models.Model):
    """A stamp on anything."""

    content_type = models.ForeignKey(ContentType, models.CASCADE)
    object_id = models.PositiveBigIntegerField()
    subject = GenericForeignKey()
    is_closed = models.BooleanField(default=False)

    everything = models.Manager()
    objects = OpenManager()

    class Meta:  # noqa: D106
        default_manager_name = "objects"


class Draft(models.Model):
    """A text that its writer may have thrown away."""

    writer = models.ForeignKey(Writer, models.CASCADE, related_name="drafts")
    editors = models.ManyToManyField(Writer, related_name="edited")
    stamps = GenericRelation(Stamp)
    labels = Labels()
    is_thrown_away = models.BooleanField(default=False)

    objects = KeptManager()
    kept = KeptQuerySet.as_manager()
    by_class = models.Manager.from_queryset(KeptQuerySet)()


class Label(models.Model):
    """A word on a draft."""

    draft = models.ForeignKey(Draft, models.CASCADE, related_name="+")


class Ticket(models.Model):
    """It asks for another row before it is complete."""

    volume = models.ForeignKey(Volume, models.CASCADE, related_name="tickets")
    publisher = models.ForeignKey(Publisher, models.CASCADE, related_name="+")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.pk is not None:
            self.title_at_first = self.volume.title


class Slip(models.Model):
    """It asks for its own text before it is complete."""

    text = models.TextField(default="")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.text_at_first = self.text
