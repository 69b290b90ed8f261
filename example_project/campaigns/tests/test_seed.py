"""Which rows does `manage.py seed` create, and when does it refuse to?"""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from faker.providers.geo import Provider as Cities

from campaigns.activities import ACTIVITIES
from campaigns.geography import Position, distance_km
from campaigns.models import Campaign, Join, Tag
from campaigns.schemas import CampaignFacts
from campaigns.seeding import PASSWORD, Chance
from campaigns.tests.factories import make_campaign
from users.models import User
from users.tests.factories import make_user

pytestmark = pytest.mark.django_db


def seed(*, force: bool = True, **options: Any) -> str:
    """Run the command; tests have DEBUG off, as production has."""
    output = StringIO()
    call_command("seed", force=force, stdout=output, **options)
    return output.getvalue()


def rows() -> list[object]:
    """Return all rows, without the numbers that the database gives."""
    return [
        list(User.objects.order_by("pk").values_list("email", "nickname", "created_at")),
        list(
            Campaign.objects.order_by("pk").values_list(
                "owner__email", "title", "description", "starts_at", "latitude", "longitude", "capacity"
            )
        ),
        sorted(Campaign.objects.values_list("title", "starts_at", "tags__name")),
        sorted(Join.objects.values_list("campaign__title", "user__email", "joined_at")),
    ]


@pytest.mark.parametrize(("users", "campaigns"), [(5, 3), (40, 15)])
@pytest.mark.query_budget(8, at_least=8)
@pytest.mark.no_write_loops
def test_many_rows_cost_as_many_queries_as_few(users: int, campaigns: int) -> None:
    """Two queries look for existing rows, one reads the tags, and five insert: one for each table."""
    seed(users=users, campaigns=campaigns)


@pytest.mark.query_budget(8, at_least=8)
def test_thousands_of_rows_cost_as_many_queries_as_few() -> None:
    """One statement has up to five thousand rows, if the database takes so many values."""
    if connection.vendor != "postgresql":
        pytest.skip(f"{connection.vendor} takes fewer values in one statement")

    seed(users=1000, campaigns=300)


def test_it_makes_what_was_asked_for_and_says_so() -> None:
    """It prints how much, how to log in, and where to find campaigns."""
    said = seed(users=30, campaigns=20)

    assert (User.objects.count(), Campaign.objects.count()) == (30, 20)
    joins, tags = Join.objects.count(), Tag.objects.count()
    assert f"30 users, 20 campaigns with {joins} joins, and {tags} tags." in said
    assert f"Log in as {User.objects.earliest('pk').email}" in said
    assert PASSWORD in said


def test_the_search_that_it_tells_finds_campaigns(client: Client) -> None:
    """The printed URL works."""
    said = seed(users=5, campaigns=40)

    found = client.get(said.split()[-1])

    assert found.status_code == 200
    assert found.json()


def test_users_can_log_in_with_the_password_that_it_tells(client: Client) -> None:
    """All users have the same password, which is hashed once."""
    seed(users=3, campaigns=0)

    for user in User.objects.all():
        payload = {"email": user.email, "password": PASSWORD}
        response = client.post("/api/users/log-in", payload, content_type="application/json")
        assert response.status_code == 201


def test_their_password_would_be_accepted_at_sign_up(client: Client) -> None:
    """A password that the rules refuse would not look real."""
    payload = {"email": "ada@example.org", "nickname": "ada", "password": PASSWORD}

    assert client.post("/api/users/sign-up", payload, content_type="application/json").status_code == 201


@pytest.mark.query_budget(None, reason="validation checks each row for uniqueness")
def test_all_of_it_is_valid() -> None:
    """bulk_create does not run the validators, so this test does."""
    seed(users=60, campaigns=40)

    for row in [*User.objects.all(), *Campaign.objects.all(), *Tag.objects.all()]:
        row.full_clean()


def test_no_campaign_has_more_joins_than_places() -> None:
    """Some are full, and some have places left."""
    seed(users=150, campaigns=60)
    campaigns = Campaign.objects.with_join_count()

    shares = [campaign.join_count / campaign.capacity for campaign in campaigns]

    assert max(shares) == 1
    assert 0.3 < sum(shares) / len(shares) < 0.7


def test_few_users_take_few_places() -> None:
    """No user takes two places in one campaign."""
    seed(users=2, campaigns=30)

    assert max(campaign.join_count for campaign in Campaign.objects.with_join_count()) == 2


def test_dates_make_sense() -> None:
    """No user joins before having an account, after the start or in the future; some campaigns are over."""
    seed(users=50, campaigns=50)

    for join in Join.objects.select_related("user", "campaign"):
        assert join.user.created_at <= join.joined_at <= join.campaign.starts_at
    today = Chance.of(1).today
    starts = list(Campaign.objects.values_list("starts_at", flat=True))
    assert Join.objects.latest("joined_at").joined_at <= today
    assert min(starts) < today < max(starts)


def test_campaigns_take_place_in_the_city_of_their_title() -> None:
    """The city is real, and a campaign is at most five standard deviations from its middle."""
    seed(users=3, campaigns=200)

    for campaign in Campaign.objects.exclude(latitude=None):
        place = Position(campaign.latitude, campaign.longitude)
        middles = [
            Position(float(north), float(east))
            for north, east, city, *_ in Cities.land_coords
            if campaign.title.endswith(f" {city}")
        ]
        assert min(distance_km(place, middle) for middle in middles) < 25


def test_campaigns_without_a_city_are_online() -> None:
    """The search does not find them, and their title does not name a city."""
    seed(users=3, campaigns=200)

    assert set(Campaign.objects.filter(latitude=None).values_list("title", flat=True)) == {
        activity.title for activity in ACTIVITIES if activity.is_online
    }


@pytest.mark.query_budget(None, reason="three runs of 8 queries, reading and deleting")
def test_equal_seeds_make_equal_rows() -> None:
    """A user can tell others how to reproduce a problem."""
    made = []
    for number in (7, 7, 8):
        seed(users=12, campaigns=6, seed=number)
        made.append(rows())
        Campaign.objects.all().delete()
        User.objects.all().delete()

    assert made[0] == made[1]
    assert made[0] != made[2]


def test_it_leaves_alone_what_is_there() -> None:
    """Existing users stay, such as createsuperuser's, and their names are not used twice, in any case."""
    seed(users=12, campaigns=0)
    names = set(User.objects.values_list("nickname", flat=True))
    User.objects.all().delete()
    for number, name in enumerate(sorted(names)):
        if number % 2:
            make_user(name.upper())
        else:
            User.objects.create_user(f"{name}@example.org", f"user-{number}")

    seed(users=12, campaigns=2)

    assert User.objects.count() == 24


def test_it_refuses_a_database_with_campaigns() -> None:
    """Running it twice is usually a mistake; the error says how to start again."""
    make_campaign(make_user())

    with pytest.raises(CommandError, match=r"already has campaigns.*flush"):
        seed()

    assert (User.objects.count(), Campaign.objects.count()) == (1, 1)


def test_it_refuses_production(settings: Any) -> None:
    """A public password must not be there, unless the command is forced."""
    assert not settings.DEBUG

    with pytest.raises(CommandError, match=r"DEBUG is false.*--force"):
        seed(force=False)

    assert not User.objects.exists()
    settings.DEBUG = True
    seed(force=False, users=1, campaigns=0)
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("users", "0", "0 is less than 1"),
        ("campaigns", "-1", "-1 is less than 0"),
        ("users", "all", "invalid"),
    ],
)
def test_a_bad_number_is_refused_with_its_option(option: str, value: str, says: str) -> None:
    """A campaign needs an owner, so there is at least one user."""
    with pytest.raises(CommandError, match=f"--{option}: .*{says}"):
        call_command("seed", f"--{option}={value}", "--force")


@pytest.mark.parametrize("path", ["/api/campaigns/", "/api/before/campaigns/"])
@pytest.mark.query_budget(None, reason="before, a page of 100 costs 302")
def test_both_apis_show_what_was_made(client: Client, path: str) -> None:
    """All upcoming campaigns, which are most of them, with everything that a campaign has."""
    seed(users=100, campaigns=100)

    page = client.get(path, {"limit": 100}).json()

    assert page["count"] == len(page["items"]) == Campaign.objects.upcoming().count() > 50
    assert {frozenset(item) for item in page["items"]} == {frozenset(CampaignFacts.model_fields)}
    assert all(item["tags"] for item in page["items"])
