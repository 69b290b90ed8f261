"""How did clients find campaigns before queries and hops were counted?

The API gives the same answers as `campaigns.api`, at `/api/before/campaigns/`, so that it can be measured.
Each row loads its own owner, tags and joins. Each ORM call has its own `sync_to_async`. A search computes the
distance of every campaign.
"""

from asgiref.sync import sync_to_async
from django.db.models import FloatField, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import ASin, Cos, Least, Power, Radians, Sin, Sqrt
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Query, Router

from campaigns import api
from campaigns.geography import EARTH_RADIUS_KM, Position
from campaigns.models import Campaign, Join
from campaigns.schemas import CampaignFacts, CampaignPage, Joined, NearbyCampaign, Page, Search
from users.authentication import AuthenticatedRequest, session

router = Router()


class DetailBefore(CampaignFacts):
    """A single campaign with its description."""

    description: str


@router.get("", response=CampaignPage)
async def list_campaigns(request: HttpRequest, page: Query[Page]) -> CampaignPage:
    """List the campaigns that have not begun, the earliest first."""
    campaigns = Campaign.objects.upcoming()
    count = await sync_to_async(campaigns.count)()
    rows = await sync_to_async(list)(campaigns[page.offset : page.offset + page.limit])
    return CampaignPage(
        items=[CampaignFacts(**await sync_to_async(facts_of)(campaign)) for campaign in rows], count=count
    )


@router.get("nearby", response=list[NearbyCampaign])
async def list_nearby(request: HttpRequest, search: Query[Search]) -> list[NearbyCampaign]:
    """List the upcoming campaigns within a radius, the nearest first."""
    campaigns = (
        Campaign.objects.annotate(distance_km=haversine_km(search.position))
        .filter(distance_km__lte=search.radius_km)
        .order_by("distance_km", "pk")
    )
    upcoming = [found for found in await sync_to_async(list)(campaigns) if not found.has_begun]
    return [
        NearbyCampaign(**await sync_to_async(facts_of)(campaign), distance_km=round(campaign.distance_km, 3))
        for campaign in upcoming[: search.limit]
    ]


@router.get("{int:campaign_id}", response=DetailBefore)
async def read_campaign(request: HttpRequest, campaign_id: int) -> DetailBefore:
    """Show one campaign. 404 if it does not exist."""
    campaign = await sync_to_async(get_object_or_404)(Campaign, pk=campaign_id)
    return DetailBefore(**await sync_to_async(facts_of)(campaign), description=campaign.description)


# A transaction is one function in one thread in both styles, so nothing had to change.
router.post(
    "{int:campaign_id}/join", response={201: Joined}, auth=session, operation_id="campaigns_api_before_join"
)(api.join)


@router.delete("{int:campaign_id}/join", response={204: None}, auth=session)
async def leave(request: AuthenticatedRequest, campaign_id: int) -> None:
    """Give the place back. 404 if the user has no place in this campaign."""
    places = Join.objects.filter(campaign__pk=campaign_id, user=request.auth.user)
    deleted, _ = await sync_to_async(places.delete)()
    if not deleted:
        raise Http404


def facts_of(campaign: Campaign) -> dict[str, object]:
    """Return the fields of a campaign: one query for the owner, one for the tags and one for the joins."""
    return {
        "id": campaign.pk,
        "title": campaign.title,
        "starts_at": campaign.starts_at,
        "owner": campaign.owner.nickname,
        "tags": [tag.name for tag in campaign.tags.all()],
        "capacity": campaign.capacity,
        "join_count": campaign.joins.count(),
        "latitude": campaign.latitude,
        "longitude": campaign.longitude,
    }


def haversine_km(position: Position) -> Combinable:
    """Return the distance of each row from a position, as an expression for the database."""
    latitude, longitude = (
        Radians(Value(degrees, output_field=FloatField()))
        for degrees in (position.latitude, position.longitude)
    )
    north, east = Radians("latitude") - latitude, Radians("longitude") - longitude
    haversine = Power(Sin(north / 2), 2) + Cos(latitude) * Cos(Radians("latitude")) * Power(Sin(east / 2), 2)
    # Rounding can make it larger than 1, and then PostgreSQL's arc sine raises an error.
    return 2 * EARTH_RADIUS_KM * ASin(Sqrt(Least(Value(1.0), haversine)))
