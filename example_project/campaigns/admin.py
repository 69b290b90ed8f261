"""How does the staff see and edit campaigns?"""

from typing import cast

from django.contrib import admin
from django.http import HttpRequest

from campaigns.models import Campaign, CampaignQuerySet, Join, Tag


@admin.register(Tag)
class TagAdmin(admin.ModelAdmin):
    """Tags, with a search that the campaign form uses as well."""

    search_fields = ["name"]


class JoinInline(admin.TabularInline):
    """The places of a campaign, on its page."""

    model = Join
    autocomplete_fields = ["user"]
    readonly_fields = ["joined_at"]
    extra = 0


@admin.register(Campaign)
class CampaignAdmin(admin.ModelAdmin):
    """Campaigns with their owners and join counts: the same few queries for any number of rows."""

    list_display = ["title", "owner", "starts_at", "capacity", "join_count"]
    list_filter = ["tags", ("latitude", admin.EmptyFieldListFilter)]
    list_select_related = ["owner"]
    date_hierarchy = "starts_at"
    search_fields = ["title", "owner__nickname", "owner__email"]
    autocomplete_fields = ["owner", "tags"]
    fieldsets = [
        (None, {"fields": ["owner", "title", "description", "tags"]}),
        ("When and for how many", {"fields": ["starts_at", "capacity"]}),
        ("Where", {"fields": [("latitude", "longitude")]}),
    ]
    inlines = [JoinInline]

    def get_queryset(self, request: HttpRequest) -> CampaignQuerySet:
        """Load the join counts with the campaigns."""
        return cast(CampaignQuerySet, super().get_queryset(request)).with_join_count()

    @admin.display(description="joined", ordering="join_count")
    def join_count(self, campaign: Campaign) -> int:
        """Return how many places are taken."""
        return campaign.join_count
