"""Which numbers do the metrics have?"""

from urllib.request import Request, urlopen

from prometheus_client import REGISTRY, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from config.tests.http import PATIENCE

TOKEN = "a-token-of-the-tests"


def total_in(text: str, name: str, **labels: str) -> float:
    """Add up the samples of one name that have these labels."""
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def total(name: str, **labels: str) -> float:
    """Add up the counts of this process."""
    return total_in(generate_latest(REGISTRY).decode(), name, **labels)


def scraped(url: str) -> str:
    """Scrape a server's metrics."""
    question = Request(f"{url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    with urlopen(question, timeout=PATIENCE) as answer:
        return answer.read().decode()
