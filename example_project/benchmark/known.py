"""What can requests ask for? `python -m benchmark.known SESSIONS` logs users in and lists them."""

import json
import sys
from collections import Counter

import django


def main() -> None:
    """Write the sessions and the campaigns' positions as JSON, the positions with most campaigns first."""
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
    # About a kilometre: the cache treats all positions within it as one.
    positions = Counter((round(latitude, 2), round(longitude, 2)) for latitude, longitude in places)
    known = {
        "sessions": [(user.nickname, secret) for user, secret in secrets.items()],
        "positions": [position for position, _ in positions.most_common()],
    }
    json.dump(known, sys.stdout)


if __name__ == "__main__":
    main()
