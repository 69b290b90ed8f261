"""What is a campaign, and who takes part?"""

from collections.abc import Iterable
from typing import Self

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from campaigns.geography import Box


class Tag(models.Model):
    """A word that campaigns are found by."""

    name = models.CharField(max_length=40, unique=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class CampaignQuerySet(models.QuerySet["Campaign"]):
    """Campaigns, with what clients and staff see of each one."""

    def with_join_count(self) -> Self:
        """Add `join_count`, counted only for the rows that are fetched: GROUP BY would count all pages."""
        joins = Join.objects.filter(campaign=OuterRef("pk")).order_by().values("campaign")
        return self.annotate(join_count=Coalesce(Subquery(joins.annotate(n=Count("pk")).values("n")), 0))

    def for_display(self) -> Self:
        """Load owners, tags and join counts as well: two queries for any number of campaigns."""
        return self.select_related("owner").prefetch_related("tags").with_join_count()

    def upcoming(self) -> Self:
        """Return the campaigns that have not begun, using the index on their start."""
        return self.filter(starts_at__gte=timezone.now())

    def within(self, boxes: Iterable[Box]) -> Self:
        """Return the campaigns in any of these areas, using the index on their places."""
        area = Q()
        for box in boxes:
            area |= Q(latitude__range=(box.south, box.north), longitude__range=(box.west, box.east))
        return self.filter(area)


class Campaign(models.Model):
    """Something that users take part in as long as there are free places."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="campaigns")
    title = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    starts_at = models.DateTimeField()
    capacity = models.PositiveIntegerField()
    # Floats, because they are only used for trigonometry. Their error is a millionth of a millimetre.
    latitude = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(-90), MaxValueValidator(90)],
        help_text="Degrees north, or south if negative. Leave both empty if it takes place online.",
    )
    longitude = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(-180), MaxValueValidator(180)],
        help_text="Degrees east, or west if negative.",
    )
    tags = models.ManyToManyField(Tag, blank=True, related_name="campaigns")
    join_count: int
    """Set by `with_join_count` only."""

    objects = CampaignQuerySet.as_manager()

    class Meta:
        ordering = ["starts_at", "pk"]
        indexes = [
            models.Index(fields=["starts_at", "id"], name="campaigns_campaign_by_start"),
            models.Index(fields=["latitude", "longitude", "id"], name="campaigns_campaign_by_place"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(capacity__gte=1), name="campaigns_campaign_capacity"),
            models.CheckConstraint(
                # A check passes for NULL, so test for it; NaN is larger than any number.
                condition=Q(latitude__isnull=True, longitude__isnull=True)
                | Q(
                    latitude__isnull=False,
                    longitude__isnull=False,
                    latitude__range=(-90, 90),
                    longitude__range=(-180, 180),
                ),
                name="campaigns_campaign_place",
                violation_error_message="A place has a latitude and a longitude, in degrees.",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def has_begun(self) -> bool:
        """Say whether it is too late to join: `upcoming` leaves out the same campaigns."""
        return self.starts_at < timezone.now()


class Join(models.Model):
    """One user's place in one campaign."""

    # The unique constraint's index begins with the campaign, and serves its lookups too.
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="joins", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="joins")
    joined_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "user"], name="campaigns_join_once")]

    def __str__(self) -> str:
        return f"user {self.user_id} in campaign {self.campaign_id}"
