"""Does an account change together with its sessions, or not at all?"""

import pytest
from django.db import DatabaseError, connection
from django.test import Client

from users.tests.apple import Apple
from users.tests.factories import PASSWORD, make_user, sign_in
from users.tests.test_apple import sign_in_with_apple
from users.tests.test_password import change

pytestmark = pytest.mark.django_db


@pytest.fixture
def sessions_stay_open(db: None) -> None:
    """The database refuses to delete sessions."""
    if connection.vendor != "postgresql":
        pytest.skip("needs a trigger of PostgreSQL")
    with connection.cursor() as cursor:
        cursor.execute("CREATE FUNCTION refuse() RETURNS trigger AS 'BEGIN RAISE; END' LANGUAGE plpgsql")
        cursor.execute(
            "CREATE TRIGGER refuse BEFORE DELETE ON users_authtoken FOR EACH ROW EXECUTE FUNCTION refuse()"
        )


@pytest.mark.usefixtures("sessions_stay_open")
def test_a_password_changes_with_the_sessions(client: Client, users_url: str) -> None:
    """Otherwise, a second attempt with the old password would be refused."""
    ada = make_user("ada")
    sign_in(ada)

    with pytest.raises(DatabaseError):
        change(client, users_url, sign_in(ada))

    ada.refresh_from_db()
    assert ada.check_password(PASSWORD)


@pytest.mark.usefixtures("sessions_stay_open")
def test_an_account_is_linked_with_the_end_of_its_sessions(
    client: Client, users_url: str, apple: Apple
) -> None:
    """Once linked, the sessions would never end."""
    ada = make_user("ada")
    sign_in(ada)

    with pytest.raises(DatabaseError):
        sign_in_with_apple(client, users_url)

    ada.refresh_from_db()
    assert ada.apple_id is None
