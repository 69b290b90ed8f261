"""Which indexes are proven to serve filters, and which of them are needed beside the others?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_dbperf.plans.explain_session import ExplainSession, Unexplained
from pytest_dbperf.plans.indexes import EQUAL, Key, candidates, keys_of
from pytest_dbperf.plans.proposals import NoIndex, ProposedIndex, propose_index
from pytest_dbperf.recording.events import Sample
from pytest_dbperf.sql.plan import UnservedFilter, columns_in, conditions_on, unserved_filters

# Each attempt creates a table and an index and rolls them back.
_MOST_FIXES = 10
_MOST_ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class Asked:
    """A filter without an index, and the statement that has it."""

    sample: Sample
    unserved: UnservedFilter

    @property
    def table(self) -> tuple[str, str]:
        """The schema and the table."""
        return self.unserved.schema, self.unserved.table

    @property
    def equal_columns(self) -> int:
        """The number of columns that the filter compares for equality."""
        return sum(key.use == EQUAL for key in keys_of(self.unserved))


def proven_indexes(asked: Sequence[Asked], session: ExplainSession, root: Path) -> list[UnservedFilter]:
    """Add to each filter an index that PostgreSQL would use for it, or the reason why there is none.

    An index is left out if another one serves its filters, too: (title) beside (title, author).
    """
    found: list[ProposedIndex | NoIndex] = [NoIndex()] * len(asked)
    # The filters with fewer columns come first, so that an index on more columns can begin with theirs.
    for index in sorted(range(len(asked))[:_MOST_FIXES], key=lambda index: asked[index].equal_columns):
        known = [
            each.columns
            for each, other in zip(found, asked, strict=True)
            if isinstance(each, ProposedIndex) and other.table == asked[index].table
        ]
        found[index] = _proven_index(asked[index], known, session, root)
    for proposed in sorted(_proposed(found), key=lambda each: len(each.columns)):
        _leave_out_if_needless(proposed, found, asked, session)
    return [_answered(each.unserved, answer) for each, answer in zip(asked, found, strict=True)]


def _answered(unserved: UnservedFilter, answer: ProposedIndex | NoIndex) -> UnservedFilter:
    if isinstance(answer, ProposedIndex):
        return replace(unserved, index=answer.index)
    return replace(unserved, why_no_index=answer.reason)


def _proposed(found: Sequence[ProposedIndex | NoIndex]) -> list[ProposedIndex]:
    return [*dict.fromkeys(each for each in found if isinstance(each, ProposedIndex))]


def _proven_index(
    asked: Asked, known: Sequence[Sequence[str]], session: ExplainSession, root: Path
) -> ProposedIndex | NoIndex:
    """Return the first index that is proven to serve a filter, or the reason against the first one."""
    refused: list[NoIndex] = []
    for keys in candidates(asked.unserved, known)[:_MOST_ATTEMPTS]:
        proposal = propose_index(asked.unserved.table, keys, session.connection, root)
        if isinstance(proposal, NoIndex):
            refused.append(proposal)
        elif _serves(proposal, keys, asked, session):
            return NoIndex(proposal.why_missing) if proposal.why_missing else proposal
    return next((each for each in refused if each.reason), NoIndex())


def _leave_out_if_needless(
    proposed: ProposedIndex,
    found: list[ProposedIndex | NoIndex],
    asked: Sequence[Asked],
    session: ExplainSession,
) -> None:
    own = [index for index, each in enumerate(found) if each == proposed]
    table = asked[own[0]].table
    wider = (
        other
        for other in _proposed(found)
        if other != proposed
        and {*proposed.columns} <= {*other.columns}
        # With the collation C, a plain index serves LIKE 'x%' as well, but production may have another one.
        and other.is_for_prefixes >= proposed.is_for_prefixes
        and asked[found.index(other)].table == table
    )
    for other in wider:
        if all(_serves(other, (), asked[index], session) for index in own):
            for index in own:
                found[index] = other
            return


def _serves(proposal: ProposedIndex, keys: Sequence[Key], asked: Asked, session: ExplainSession) -> bool:
    """Tell whether PostgreSQL would search these columns of an index, and so serve the filter."""
    unserved = asked.unserved
    try:
        with session.with_index(unserved, proposal.sql):
            explained = session.plan_of(asked.sample)
    except Unexplained:
        return False
    searched = columns_in(conditions_on(explained, proposal.name), unserved.alias)
    left = {(each.table, each.alias) for each in unserved_filters(explained)}
    return (
        bool(searched)
        and {key.column for key in keys} <= {*searched}
        and (unserved.table, unserved.alias) not in left
    )
