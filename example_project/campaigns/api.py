"""How do clients find campaigns, join and leave them?"""

from asgiref.sync import sync_to_async
from django.http import Http404, HttpRequest
from django.shortcuts import aget_object_or_404
from ninja import Query, Router
from ninja.errors import HttpError
from ninja.pagination import LimitOffsetPagination, paginate

from campaigns.joining import JoinRefused, join_campaign
from campaigns.models import Campaign, CampaignQuerySet, Join
from campaigns.nearby import find_nearby
from campaigns.schemas import CampaignDetail, CampaignSummary, Joined, NearbyCampaign, Page, Search
from users.authentication import AuthenticatedRequest, session

router = Router()


class BoundedPagination(LimitOffsetPagination):
    """Limit and offset with an upper bound."""

    Input = Page


@router.get("", response=list[CampaignSummary])
@paginate(BoundedPagination)
async def list_campaigns(request: HttpRequest) -> CampaignQuerySet:
    """List the campaigns that have not begun, the earliest first."""
    return Campaign.objects.for_display().upcoming()


@router.get("nearby", response=list[NearbyCampaign])
async def list_nearby(request: HttpRequest, search: Query[Search]) -> list[NearbyCampaign]:
    """List upcoming campaigns within a radius, the nearest first. The result may be a minute old."""
    # The cache takes a hop, and each query would take another: one hop for all of them.
    return await sync_to_async(find_nearby)(search.position, search.radius_km, search.limit)


@router.get("{int:campaign_id}", response=CampaignDetail)
async def read_campaign(request: HttpRequest, campaign_id: int) -> Campaign:
    """Show one campaign. 404 if it does not exist."""
    return await aget_object_or_404(Campaign.objects.for_display(), pk=campaign_id)


@router.post("{int:campaign_id}/join", response={201: Joined}, auth=session)
async def join(request: AuthenticatedRequest, campaign_id: int) -> Join:
    """Take a place. 404 if there is no such campaign, 409 if it has begun, is full or is already joined."""
    try:
        # Lock, count and insert are one transaction, which belongs to one thread: one hop for all three.
        return await sync_to_async(join_campaign)(campaign_id, request.auth.user)
    except Campaign.DoesNotExist as error:
        raise Http404 from error
    except JoinRefused as refusal:
        raise HttpError(409, str(refusal)) from refusal


@router.delete("{int:campaign_id}/join", response={204: None}, auth=session)
async def leave(request: AuthenticatedRequest, campaign_id: int) -> None:
    """Give the place back. 404 if the user has no place in this campaign."""
    # Filter by its pk, not by the foreign key: only for a pk, Django finds no row for a number that is too
    # large for SQLite.
    deleted, _ = await Join.objects.filter(campaign__pk=campaign_id, user=request.auth.user).adelete()
    if not deleted:
        raise Http404
