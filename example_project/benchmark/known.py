"""What can the service be asked about? `python -m benchmark.known SESSIONS` logs users in, and writes it."""

import json
import sys
from collections import Counter

import django


def main() -> None:
    """Write as JSON who is logged in, and where campaigns are, the places with the most of them first."""
    django.setup()
    from campaigns.models import Campaign
    from users.models import AuthToken, User
    from users.tokens import digest_of, new_secret

    users = User.objects.filter(is_active=True).order_by("pk")[: int(sys.argv[1])]
    secrets = {user: new_secret() for user in users}
    AuthToken.objects.bulk_create(
        AuthToken(user=user, digest=digest_of(secret)) for user, secret in secrets.items()
    )
    places = (
        Campaign.objects.filter(latitude__isnull=False).order_by("pk").values_list("latitude", "longitude")
    )
    # A kilometre or so: the cache takes all within it for one place.
    positions = Counter((round(latitude, 2), round(longitude, 2)) for latitude, longitude in places)
    known = {
        "sessions": [(user.nickname, secret) for user, secret in secrets.items()],
        "positions": [position for position, _ in positions.most_common()],
    }
    json.dump(known, sys.stdout)


if __name__ == "__main__":
    main()
