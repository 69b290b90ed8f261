"""What do volunteers do together?"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Activity:
    """A sort of campaign; if its title has no `{city}`, it takes place online."""

    title: str
    description: str
    tags: tuple[str, ...]
    fewest: int
    most: int
    """The number of places."""

    @property
    def is_online(self) -> bool:
        """Tell whether it takes place online."""
        return "{city}" not in self.title


ACTIVITIES = (
    Activity(
        "River clean-up in {city}",
        "We walk both banks and collect what does not belong there. Gloves and bags are there; bring boots"
        " that may get wet. We meet at {street}.",
        ("nature", "water", "outdoors"),
        10,
        60,
    ),
    Activity(
        "Plant trees in {city}",
        "Two hundred young oaks and limes are waiting for their place. The foresters show how it is done, and"
        " there is soup for everybody afterwards.",
        ("nature", "climate", "outdoors"),
        15,
        80,
    ),
    Activity(
        "Repair café in {city}",
        "Bring a broken toaster, or a screwdriver and some patience: we repair together instead of throwing"
        " away. Coffee and cake by donation, at {street}.",
        ("repair", "climate"),
        6,
        25,
    ),
    Activity(
        "Food bank shift in {city}",
        "We sort what the supermarkets have given, pack bags and hand them out. A shift takes four hours; new"
        " people work with somebody who knows it.",
        ("food", "neighbours"),
        4,
        12,
    ),
    Activity(
        "Soup kitchen in {city}",
        "Peel, chop, stir and serve: a hundred warm meals in an evening. Bring an apron.",
        ("food", "homelessness"),
        5,
        15,
    ),
    Activity(
        "Reading aloud at the library of {city}",
        "Children from four to eight choose the books, you read them. We have coffee with the parents later.",
        ("children", "education"),
        3,
        10,
    ),
    Activity(
        "Homework help in {city}",
        "Twice a week we sit down with pupils of 10 to 14 years. Mathematics and English are asked for most.",
        ("children", "education"),
        4,
        16,
    ),
    Activity(
        "Coffee and company for seniors in {city}",
        "Cards, stories and a walk around the house. Some of our guests have no other visitors in a week.",
        ("seniors", "neighbours"),
        5,
        20,
    ),
    Activity(
        "Dog walking for the animal shelter of {city}",
        "Thirty dogs would like to see something else than their kennel. We show you which one suits you.",
        ("animals", "outdoors"),
        6,
        30,
    ),
    Activity(
        "Toad patrol in {city}",
        "When it is dark and wet, toads cross the road at {street}. We carry them. Bring a lamp.",
        ("animals", "nature", "outdoors"),
        4,
        14,
    ),
    Activity(
        "Community garden day in {city}",
        "Beds have to be dug, seeds sown and the shed painted. What grows is shared among those who helped.",
        ("nature", "food", "neighbours"),
        8,
        35,
    ),
    Activity(
        "Blood donation in {city}",
        "A donation takes half an hour with everything. Please eat before, and bring your passport.",
        ("health",),
        20,
        120,
    ),
    Activity(
        "First aid course in {city}",
        "One day, with a certificate. We practise with each other; wear something comfortable.",
        ("health", "education"),
        8,
        20,
    ),
    Activity(
        "Charity run in {city}",
        "Five or ten kilometres around the park; every round earns money for the children's hospital. We look"
        " for people at the water tables and along the way.",
        ("sports", "health", "outdoors"),
        20,
        150,
    ),
    Activity(
        "Wheelchair basketball needs hands in {city}",
        "We set up the hall, keep the score and help with the chairs. Who wants to try it is welcome to.",
        ("sports", "inclusion"),
        4,
        12,
    ),
    Activity(
        "Language café in {city}",
        "People who are new in town and people who are not talk with each other, with games and with tea.",
        ("refugees", "languages", "neighbours"),
        10,
        40,
    ),
    Activity(
        "Furniture for new neighbours in {city}",
        "We collect tables, beds and lamps with a van and carry them up to families who have none.",
        ("refugees", "neighbours"),
        4,
        10,
    ),
    Activity(
        "Winter coats for {city}",
        "Sorting, mending and handing out warm clothes for those who sleep outside, near {street}.",
        ("homelessness", "repair"),
        5,
        18,
    ),
    Activity(
        "Paint the youth club of {city}",
        "Four rooms, eleven colours. The young people have drawn how it is to look; we do the ladders.",
        ("children", "repair"),
        6,
        22,
    ),
    Activity(
        "Count the birds of {city}",
        "An hour in the park with binoculars and a list. The numbers go to the national survey.",
        ("nature", "animals", "science"),
        5,
        25,
    ),
    Activity(
        "Translate leaflets for newcomers",
        "Short texts on doctors and schools into Arabic, Dari, Ukrainian or Tigrinya, from your desk.",
        ("languages", "refugees", "online"),
        5,
        30,
    ),
    Activity(
        "Reading buddies by video call",
        "Half an hour a week with a child who learns to read. We find one who suits you.",
        ("children", "education", "online"),
        10,
        50,
    ),
    Activity(
        "Map what disaster relief needs",
        "From satellite pictures we draw houses and roads of places that no map shows. A course comes first.",
        ("science", "online"),
        20,
        200,
    ),
)
