"""A content is identified by what goes into it, all of it and nothing else."""

import json
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from settlement_platform.control.landing.content_hash import (
    canonical_sha256,
    content_hash,
    input_hash,
    mart_content_hash,
)
from settlement_platform_tests.builders import DAY, day

words = st.text(max_size=12)
hashes = st.lists(st.text("0123456789abcdef", min_size=4, max_size=8), max_size=5)
members = st.fixed_dictionaries(
    {
        "dataset": words,
        "business_date": st.integers(min_value=0, max_value=5).map(day),
        "source": words,
        "data_sha256": words,
        "control_sha256": words,
        "contract": words,
    }
)


@given(inputs=hashes.flatmap(lambda h: st.tuples(st.just(h), st.permutations(h))))
def test_the_order_of_inputs_does_not_matter(inputs: tuple[list[str], list[str]]) -> None:
    """Sources may be listed in any order."""
    listed, shuffled = inputs

    first = content_hash(dataset="cards", business_date=DAY, inputs=listed)

    assert content_hash(dataset="cards", business_date=DAY, inputs=shuffled) == first


@given(left=hashes, right=hashes)
def test_other_inputs_are_another_content(left: list[str], right: list[str]) -> None:
    """An input added, removed or changed changes the identity."""
    assume(sorted(left) != sorted(right))

    first = content_hash(dataset="cards", business_date=DAY, inputs=left)

    assert content_hash(dataset="cards", business_date=DAY, inputs=right) != first


@given(inputs=hashes)
def test_another_dataset_or_date_is_another_content(inputs: list[str]) -> None:
    """Equal files delivered for another date have another content hash."""
    found = {
        content_hash(dataset=dataset, business_date=when, inputs=inputs)
        for dataset in ("cards", "fees")
        for when in (day(0), day(1))
    }

    assert len(found) == 4


@given(left=members, right=members)
def test_inputs_are_identical_exactly_when_all_their_members_are(left: dict[str, Any], right: dict[str, Any]) -> None:
    """No two different inputs share an identity, however their members are cut."""
    assert (input_hash(**left) == input_hash(**right)) == (left == right)


@given(member=members, name=st.sampled_from(["dataset", "source", "data_sha256", "control_sha256", "contract"]))
def test_any_changed_member_changes_the_input(member: dict[str, Any], name: str) -> None:
    """A change of contract alone makes old evidence count no more."""
    changed = {**member, name: member[name] + "x"}

    assert input_hash(**changed) != input_hash(**member)


@given(inputs=st.dictionaries(words, words, max_size=4), contract=words)
def test_a_mart_follows_each_of_its_inputs(inputs: dict[str, str], contract: str) -> None:
    """A mart is stale as soon as one input or its own contract changed."""
    usual = mart_content_hash(mart="net", business_date=DAY, inputs=inputs, contract=contract)

    changed = [
        mart_content_hash(mart="net", business_date=DAY, inputs={**inputs, name: content + "x"}, contract=contract)
        for name, content in inputs.items()
    ]
    changed.append(mart_content_hash(mart="net", business_date=DAY, inputs=inputs, contract=contract + "x"))
    changed.append(mart_content_hash(mart="fee", business_date=DAY, inputs=inputs, contract=contract))

    assert usual not in changed


@given(value=st.dictionaries(words, st.integers() | words, max_size=5))
def test_the_order_of_members_does_not_change_a_digest(value: dict[str, Any]) -> None:
    """The canonical form is the same whoever wrote it down."""
    backwards = dict(reversed(value.items()))

    assert canonical_sha256(backwards) == canonical_sha256(value)
    assert canonical_sha256(json.loads(json.dumps(value))) == canonical_sha256(value)
