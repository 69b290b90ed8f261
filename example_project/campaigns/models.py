"""What is a campaign, and who takes part?"""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone


class Tag(models.Model):
    """A word that campaigns are found by."""

    name = models.CharField(max_length=40, unique=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class CampaignQuerySet(models.QuerySet["Campaign"]):
    """Campaigns, with what clients and staff see of them."""

    def with_join_count(self) -> Self:
        """Add `join_count`, counted for the rows that are fetched only: GROUP BY counts for all pages."""
        joins = Join.objects.filter(campaign=OuterRef("pk")).order_by().values("campaign")
        return self.annotate(join_count=Coalesce(Subquery(joins.annotate(n=Count("pk")).values("n")), 0))

    def for_display(self) -> Self:
        """Load owners, tags and join counts along: two queries for any number of campaigns."""
        return self.select_related("owner").prefetch_related("tags").with_join_count()


class Campaign(models.Model):
    """Something that users take part in, as long as there are places."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="campaigns")
    title = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    starts_at = models.DateTimeField()
    capacity = models.PositiveIntegerField()
    tags = models.ManyToManyField(Tag, blank=True, related_name="campaigns")
    join_count: int
    """Set by `with_join_count` only."""

    objects = CampaignQuerySet.as_manager()

    class Meta:
        ordering = ["starts_at", "pk"]
        indexes = [models.Index(fields=["starts_at", "id"], name="campaigns_campaign_by_start")]
        constraints = [
            models.CheckConstraint(condition=Q(capacity__gte=1), name="campaigns_campaign_capacity")
        ]

    def __str__(self) -> str:
        return self.title


class Join(models.Model):
    """One user's place in one campaign."""

    # The unique constraint's index begins with the campaign and serves its lookups too.
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="joins", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="joins")
    joined_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "user"], name="campaigns_join_once")]

    def __str__(self) -> str:
        return f"user {self.user_id} in campaign {self.campaign_id}"
