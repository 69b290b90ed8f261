"""How did clients find campaigns, before anybody counted the queries and hops?

The same answers as `campaigns.api`, mounted at `/api/before/campaigns/`: it is here to be measured. Each row
loads its owner, tags and joins by itself, each call of the ORM is converted by itself, and a search computes
the distance of every campaign there is.
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
    """A campaign on its own."""

    description: str


@router.get("", response=CampaignPage)
async def list_campaigns(request: HttpRequest, page: Query[Page]) -> CampaignPage:
    """List the campaigns that have not begun, those that start first at the top."""
    campaigns = Campaign.objects.upcoming()
    count = await sync_to_async(campaigns.count)()
    rows = await sync_to_async(list)(campaigns[page.offset : page.offset + page.limit])
    return CampaignPage(
        items=[CampaignFacts(**await sync_to_async(facts_of)(campaign)) for campaign in rows], count=count
    )


@router.get("nearby", response=list[NearbyCampaign])
async def list_nearby(request: HttpRequest, search: Query[Search]) -> list[NearbyCampaign]:
    """List the upcoming campaigns within a radius, the nearest at the top."""
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
    """Show one campaign. 404 when there is none of this number."""
    campaign = await sync_to_async(get_object_or_404)(Campaign, pk=campaign_id)
    return DetailBefore(**await sync_to_async(facts_of)(campaign), description=campaign.description)


# A transaction is one function in one thread, here as there: nothing of it had to change.
router.post(
    "{int:campaign_id}/join", response={201: Joined}, auth=session, operation_id="campaigns_api_before_join"
)(api.join)


@router.delete("{int:campaign_id}/join", response={204: None}, auth=session)
async def leave(request: AuthenticatedRequest, campaign_id: int) -> None:
    """Give the place back. 404 when the user has none in a campaign of this number."""
    places = Join.objects.filter(campaign__pk=campaign_id, user=request.auth.user)
    deleted, _ = await sync_to_async(places.delete)()
    if not deleted:
        raise Http404


def facts_of(campaign: Campaign) -> dict[str, object]:
    """Return what is shown of a campaign: a query for the owner, one for the tags and one for the joins."""
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
    """Return the distance of each row from a position, for the database to compute."""
    latitude, longitude = (
        Radians(Value(degrees, output_field=FloatField()))
        for degrees in (position.latitude, position.longitude)
    )
    north, east = Radians("latitude") - latitude, Radians("longitude") - longitude
    haversine = Power(Sin(north / 2), 2) + Cos(latitude) * Cos(Radians("latitude")) * Power(Sin(east / 2), 2)
    # Rounding takes it beyond 1, where PostgreSQL has an error instead of an arc sine.
    return 2 * EARTH_RADIUS_KM * ASin(Sqrt(Least(Value(1.0), haversine)))
