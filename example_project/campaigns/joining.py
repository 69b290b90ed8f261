"""Who gets a place in a campaign?"""

from django.db import transaction
from django.db.models import Count, Q

from campaigns.models import Campaign, Join
from users.models import User


class JoinRefused(Exception):
    """The user gets no place; the message says why."""


@transaction.atomic
def join_campaign(campaign_id: int, user: User) -> Join:
    """Give the user a place, or raise `JoinRefused` or `Campaign.DoesNotExist`.

    The campaign's row is locked first, so that two requests never both count the last free place.
    """
    # no_key: an INSERT into Join needs the campaign's key not to change, and must not wait for this lock
    # otherwise.
    campaign = Campaign.objects.select_for_update(no_key=True).get(pk=campaign_id)
    if campaign.has_begun:
        raise JoinRefused("This campaign has begun.")
    places = campaign.joins.aggregate(taken=Count("pk"), own=Count("pk", filter=Q(user=user)))
    if places["own"]:
        raise JoinRefused("You have joined this campaign already.")
    if places["taken"] >= campaign.capacity:
        raise JoinRefused("This campaign is full.")
    return Join.objects.create(campaign=campaign, user=user)
