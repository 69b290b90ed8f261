"""What would a service in use have in its database?

Everything follows from one number, except the dates, which are around the day of creation.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import cos, radians
from random import Random
from typing import Self

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone
from faker import Faker

from campaigns.activities import ACTIVITIES, Activity
from campaigns.geography import Position
from campaigns.models import Campaign, Join, Tag
from users.models import User

PASSWORD = "many hands make light work"  # noqa: S105 - Public, and for logging in.
MAIL_DOMAINS = ("example.com", "example.net", "example.org")
"""A reserved domain, so no real person has these addresses: RFC 2606."""
LONGEST_NAME = 24
"""Letters of a nickname, which has at most 30: the rest is for a number."""

ROWS_A_STATEMENT = 5000
CAMPAIGNS_A_CITY = 50
SPREAD = 0.03
"""Degrees north: two thirds of a city's campaigns are at most 3.3 km north or south of its middle."""

OLDEST_ACCOUNT, FIRST_JOIN = timedelta(days=1000), timedelta(days=60)
"""How long ago; accounts are older than joins."""
DAYS_AGO, DAYS_AHEAD = 30, 120
"""When campaigns start."""


@dataclass(frozen=True, slots=True)
class City:
    """A real city, where campaigns take place."""

    name: str
    middle: Position


@dataclass(frozen=True, slots=True)
class Planted:
    """How many rows were created, an e-mail address to log in with, and the city with most campaigns."""

    users: int
    campaigns: int
    tags: int
    joins: int
    email: str
    largest_city: City


@dataclass(frozen=True, slots=True)
class Chance:
    """The source of all random choices; the same number and the same day give the same rows."""

    random: Random
    fake: Faker
    today: datetime

    @classmethod
    def of(cls, seed: int) -> Self:
        """Start again with a number."""
        fake = Faker("en_GB")
        fake.seed_instance(seed)
        today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
        return cls(Random(seed), fake, today)  # noqa: S311 - It is meant to be predictable.

    def moment(self, first: datetime, last: datetime) -> datetime:
        """Return a second between two moments."""
        return first + timedelta(seconds=self.random.randint(0, int((last - first).total_seconds())))

    def place_in(self, city: City) -> Position:
        """Return a place, more likely near the middle of the city; rounded to a metre."""
        north = city.middle.latitude + self.random.gauss(0, SPREAD)
        # A degree east is shorter than a degree north. No city is near a pole.
        east = city.middle.longitude + self.random.gauss(0, SPREAD / cos(radians(north)))
        return Position(round(north, 5), round((east + 180) % 360 - 180, 5))


@transaction.atomic
def plant(users: int, campaigns: int, seed: int) -> Planted:
    """Save users and campaigns, with tags, and with joins within the capacity: all or nothing."""
    chance = Chance.of(seed)
    people = User.objects.bulk_create(make_users(users, chance), ROWS_A_STATEMENT)
    cities = make_cities(campaigns // CAMPAIGNS_A_CITY + 1, chance)
    activities = chance.random.choices(ACTIVITIES, k=campaigns)
    # As in real life, the second city has half as many as the first, and the tenth has a tenth.
    weights = [1 / rank for rank in range(1, len(cities) + 1)]
    venues = chance.random.choices(cities, weights, k=campaigns)
    planned = [
        make_campaign(activity, venue, people, chance)
        for activity, venue in zip(activities, venues, strict=True)
    ]
    Campaign.objects.bulk_create(planned, ROWS_A_STATEMENT)
    tags = save_tags(zip(planned, activities, strict=True))
    joins = Join.objects.bulk_create(make_joins(planned, people, chance), ROWS_A_STATEMENT)
    return Planted(len(people), len(planned), tags, len(joins), people[0].email, cities[0])


def make_users(number: int, chance: Chance) -> Iterator[User]:
    """Yield users with the same password, and with names that are still free."""
    taken = {
        name.lower()
        for nickname, email in User.objects.values_list("nickname", "email")
        for name in (nickname, email.partition("@")[0])
    }
    # Hashing it takes longer than everything else.
    password = make_password(PASSWORD)
    namesakes: Counter[str] = Counter()
    for _ in range(number):
        full_name = f"{chance.fake.first_name()}.{chance.fake.last_name()}"
        name = nickname = re.sub(r"[^a-z.]", "", full_name.lower())[:LONGEST_NAME]
        while nickname in taken:
            namesakes[name] += 1
            nickname = f"{name}{namesakes[name] + 1}"
        taken.add(nickname)
        yield User(
            nickname=nickname,
            email=f"{nickname}@{chance.random.choice(MAIL_DOMAINS)}",
            password=password,
            created_at=chance.moment(chance.today - OLDEST_ACCOUNT, chance.today - FIRST_JOIN),
        )


def make_cities(number: int, chance: Chance) -> list[City]:
    """Return real cities, and fewer than asked for if one was drawn twice."""
    drawn = (chance.fake.location_on_land() for _ in range(number))
    return list(
        dict.fromkeys(City(name, Position(float(north), float(east))) for north, east, name, _, _ in drawn)
    )


def make_campaign(activity: Activity, city: City, people: Sequence[User], chance: Chance) -> Campaign:
    """Return a campaign in a city or online."""
    day = chance.today + timedelta(days=chance.random.randint(-DAYS_AGO, DAYS_AHEAD))
    place = None if activity.is_online else chance.place_in(city)
    return Campaign(
        owner=chance.random.choice(people),
        title=activity.title.format(city=city.name),
        description=activity.description.format(street=chance.fake.street_name()),
        starts_at=day + timedelta(minutes=30 * chance.random.randint(16, 38)),
        capacity=chance.random.randint(activity.fewest, activity.most),
        latitude=place.latitude if place else None,
        longitude=place.longitude if place else None,
    )


def save_tags(planned: Iterable[tuple[Campaign, Activity]]) -> int:
    """Save the tags of all activities and campaigns; return how many there are."""
    names = sorted({tag for activity in ACTIVITIES for tag in activity.tags})
    Tag.objects.bulk_create([Tag(name=name) for name in names], ignore_conflicts=True)
    numbers = dict(Tag.objects.filter(name__in=names).values_list("name", "pk"))
    links = Campaign.tags.through
    links.objects.bulk_create(
        [
            links(campaign=campaign, tag_id=numbers[name])
            for campaign, activity in planned
            for name in activity.tags
        ],
        ROWS_A_STATEMENT,
    )
    return len(names)


def make_joins(planned: Iterable[Campaign], people: Sequence[User], chance: Chance) -> Iterator[Join]:
    """Yield joins: half of the places are taken on average, and some campaigns are full."""
    for campaign in planned:
        share = min(1, chance.random.betavariate(2, 2.5) * 1.15)
        taken = min(round(campaign.capacity * share), len(people))
        last = min(chance.today, campaign.starts_at)
        for user in chance.random.sample(people, taken):
            joined_at = chance.moment(chance.today - FIRST_JOIN, last)
            yield Join(campaign=campaign, user=user, joined_at=joined_at)
