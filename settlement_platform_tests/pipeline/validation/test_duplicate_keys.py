"""A key occurs once: in a file, over the sources of a date, and over the published dates of the window."""

from datetime import date, timedelta

import pytest

from settlement_platform.control.facts import Check
from settlement_platform.control.publishing.gate import Action
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.pipeline.processing.process_date import prepare, validate_and_publish
from settlement_platform_tests.deliveries import SOURCES, Delivery, a_row, some_rows
from settlement_platform_tests.pipeline.installation import FIRST_DATE, REQUEST, Installation, an_installation
from settlement_platform_tests.pipeline.published_rows import expected_rows


def _with_key(day: date, source: str, *keys: str) -> Delivery:
    rows = [a_row(day, source, n, transaction_id=key) for n, key in enumerate(keys, start=1)]
    return Delivery(business_date=day, source=source, rows=rows)


def _refusal(installation: Installation, day: date) -> Check:
    """The one check that refused the date."""
    concluded = installation.run(day)
    assert concluded.decision.action is Action.REFUSE, concluded.decision.reasons
    assert concluded.verdict is not None
    (check,) = concluded.verdict.failures
    assert installation.rows(day) == []
    return check


@pytest.fixture
def apart(installation: Installation) -> date:
    """A date with nine free days on either side, which the window of no other test reaches."""
    for _ in range(2):
        installation.fresh_date()
    day = installation.fresh_date()
    for _ in range(2):
        installation.fresh_date()
    return day


def test_a_key_that_occurs_twice_in_a_file_is_named_with_both_lines(installation: Installation) -> None:
    """Both places are given, for one of the two is right."""
    day = installation.fresh_date()
    installation.deliver(day, visa=_with_key(day, "visa", "a", "twice", "b", "twice"))

    check = _refusal(installation, day)

    assert (check.name, check.measured) == ("unique_in_date", "1")
    assert "'twice'" in check.message
    assert [(s.line, s.column, s.value) for s in check.samples] == [
        (3, "transaction_id", "twice"),
        (5, "transaction_id", "twice"),
    ]


def test_a_key_in_two_sources_is_named_with_both_files(installation: Installation) -> None:
    """Keys are unique over all sources of a date."""
    day = installation.fresh_date()
    installation.deliver(day, visa=_with_key(day, "visa", "x", "same"), amex=_with_key(day, "amex", "same"))

    check = _refusal(installation, day)

    assert check.name == "unique_in_date"
    assert [(s.key, s.line) for s in check.samples] == [
        (f"{day}/amex/cards.csv", 2),
        (f"{day}/visa/cards.csv", 3),
    ]


def test_keys_are_counted_each_time_that_they_repeat(installation: Installation) -> None:
    """Three rows of one key and two of another are three too many."""
    day = installation.fresh_date()
    installation.deliver(day, visa=_with_key(day, "visa", "a", "a", "a", "b", "b", "c"))

    check = _refusal(installation, day)

    assert check.measured == "3"


@pytest.mark.parametrize("keys", [("a", "A"), ("a", "a "), ("1", "01"), ("é", "e\u0301"), ("a", "a\n")], ids=ascii)
def test_keys_that_only_seem_alike_are_different(installation: Installation, keys: tuple[str, str]) -> None:
    """A key is text, compared byte for byte."""
    day = installation.fresh_date()
    delivered = installation.deliver(day, visa=_with_key(day, "visa", *keys))

    concluded = installation.run(day)

    assert concluded.decision.action is Action.PUBLISH
    assert installation.rows(day) == expected_rows(delivered)


@pytest.mark.parametrize("days", [-7, -1, 1, 7])
def test_a_key_that_is_published_within_seven_days_is_refused(
    installation: Installation, apart: date, days: int
) -> None:
    """The window reaches seven days back and seven ahead, the edges included."""
    neighbour = apart + timedelta(days=days)
    installation.deliver(neighbour, amex=_with_key(neighbour, "amex", "k", "seen"))
    installation.run(neighbour)
    installation.deliver(apart, visa=_with_key(apart, "visa", "seen"))

    check = _refusal(installation, apart)

    assert (check.name, check.measured) == ("unique_in_window", "1")
    assert "'seen'" in check.message
    assert str(neighbour) in check.message


@pytest.mark.parametrize("days", [-8, 8])
def test_a_key_that_is_published_eight_days_away_is_accepted(
    installation: Installation, apart: date, days: int
) -> None:
    """Providers use their references again, some day."""
    neighbour = apart + timedelta(days=days)
    installation.deliver(neighbour, amex=_with_key(neighbour, "amex", "k", "seen"))
    installation.run(neighbour)
    delivered = installation.deliver(apart, visa=_with_key(apart, "visa", "seen"))

    concluded = installation.run(apart)

    assert concluded.decision.action is Action.PUBLISH
    assert installation.rows(apart) == expected_rows(delivered)


def test_a_key_that_a_restatement_took_away_is_free_again(installation: Installation, apart: date) -> None:
    """Only what is published now counts."""
    neighbour = apart + timedelta(days=1)
    installation.deliver(neighbour, amex=_with_key(neighbour, "amex", "seen"))
    installation.run(neighbour)
    installation.deliver(neighbour, amex=_with_key(neighbour, "amex", "other"))
    installation.run(neighbour)
    installation.deliver(apart, visa=_with_key(apart, "visa", "seen"))

    concluded = installation.run(apart)

    assert concluded.decision.action is Action.PUBLISH


def test_a_key_of_a_quarantined_neighbour_is_free(installation: Installation, apart: date) -> None:
    """Only published rows claim their keys."""
    neighbour = apart + timedelta(days=1)
    installation.deliver(neighbour, amex=_with_key(neighbour, "amex", "seen", "seen"))
    installation.run(neighbour)
    installation.deliver(apart, visa=_with_key(apart, "visa", "seen"))

    concluded = installation.run(apart)

    assert concluded.decision.action is Action.PUBLISH


def test_a_restatement_is_not_a_duplicate_of_itself(installation: Installation) -> None:
    """The date's own published rows are those that it replaces."""
    day = installation.fresh_date()
    installation.deliver(day)
    installation.run(day)
    installation.deliver(day, visa=Delivery(business_date=day, source="visa", rows=some_rows(day, "visa", 4)))

    concluded = installation.run(day)

    assert concluded.decision.generation == 2


@pytest.mark.parametrize("same_process", [True, False], ids=["one process", "two processes"])
def test_a_key_that_a_neighbour_published_after_the_verdict_is_refused(
    own_installation: Installation, same_process: bool
) -> None:
    """Checks that depend on other dates are made again inside the publishing lock."""
    first, second = FIRST_DATE, FIRST_DATE + timedelta(days=1)
    for day in (first, second):
        own_installation.deliver(day, visa=_with_key(day, "visa", "shared", f"own-{day}"))
    other = own_installation if same_process else an_installation(own_installation.home)
    held = prepare(own_installation.platform, CARD_SETTLEMENTS, first, REQUEST)
    judged = validate_and_publish(held, publishing=False)
    between = other.run(second)

    concluded = own_installation.run(first)

    assert judged.verdict is not None
    assert judged.verdict.passed
    assert between.decision.action is Action.PUBLISH
    assert concluded.decision.action is Action.REFUSE
    assert "unique_in_window" in concluded.decision.reasons[0]
    assert own_installation.rows(first) == []


def test_sources_keep_their_order_whatever_the_keys(installation: Installation) -> None:
    """Rows are distinguished by source and record number."""
    day = installation.fresh_date()
    delivered = installation.deliver(
        day, **{s: _with_key(day, s, *(f"{9 - n}-{s}-{day}" for n in range(5))) for s in SOURCES}
    )

    installation.run(day)

    assert installation.rows(day) == expected_rows(delivered)


def test_a_key_that_is_published_elsewhere_is_named_with_its_line(installation: Installation, apart: date) -> None:
    """Whoever reads the finding knows which delivered row is meant, and where it stands already."""
    neighbour = apart + timedelta(days=2)
    installation.deliver(neighbour, amex=_with_key(neighbour, "amex", "k", "seen", "too"))
    installation.run(neighbour)
    installation.deliver(
        apart, visa=_with_key(apart, "visa", "x", "y", "too"), amex=_with_key(apart, "amex", "z", "seen")
    )

    check = _refusal(installation, apart)

    assert check.measured == "2"
    assert f"'seen' in {apart}/amex/cards.csv line 3, published on {neighbour}" in check.message
    assert [(s.key, s.line, s.column, s.value) for s in check.samples] == [
        (f"{apart}/amex/cards.csv", 3, "transaction_id", "seen"),
        (f"{apart}/visa/cards.csv", 4, "transaction_id", "too"),
    ]


def test_a_key_that_is_published_on_two_dates_is_one_key(installation: Installation, apart: date) -> None:
    """The two lie so far apart that neither stood in the way of the other."""
    neighbours = [apart - timedelta(days=5), apart + timedelta(days=5)]
    for neighbour in neighbours:
        installation.deliver(neighbour, amex=_with_key(neighbour, "amex", "seen"))
        installation.run(neighbour)
    installation.deliver(apart, visa=_with_key(apart, "visa", "seen"))

    check = _refusal(installation, apart)

    assert check.measured == "1"
    assert f"published on {neighbours[0]} and {neighbours[1]}" in check.message
    assert len(check.samples) == 1


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(("zb", "zc"), ("za", "zb")), (("za", "zb"), ("zb", "zc")), (("zb",), ("zb",))],
    ids=["their last", "their first", "their only one"],
)
def test_a_key_at_the_very_edge_of_what_is_published_is_refused(
    installation: Installation, apart: date, ours: tuple[str, ...], theirs: tuple[str, ...]
) -> None:
    """Dates are left unread by the least and the greatest of their keys, which are keys as well."""
    neighbour = apart + timedelta(days=1)
    installation.deliver(neighbour, amex=_with_key(neighbour, "amex", *theirs))
    installation.run(neighbour)
    installation.deliver(apart, visa=_with_key(apart, "visa", *ours))

    check = _refusal(installation, apart)

    assert (check.name, check.measured) == ("unique_in_window", "1")
    assert "'zb'" in check.message


LONG = 300


@pytest.mark.parametrize("start", ["!", "a", "~", "\u20ac", "\U0001f600"], ids=ascii)
@pytest.mark.parametrize("long_here", [True, False], ids=["here", "there"])
def test_a_key_among_some_whose_range_is_not_known_is_found(
    installation: Installation, apart: date, start: str, long_here: bool
) -> None:
    """Statistics cut long keys, so that such a file may hold any key, first or last in every order."""
    key = f"{start}-shared"
    keys = {True: (key, start * LONG, f"{start}-own"), False: (key,)}
    neighbour = apart + timedelta(days=1)
    installation.deliver(neighbour, amex=_with_key(neighbour, "amex", *keys[not long_here]))
    installation.run(neighbour)
    installation.deliver(apart, visa=_with_key(apart, "visa", *keys[long_here]))

    check = _refusal(installation, apart)

    assert (check.name, check.measured) == ("unique_in_window", "1")


@pytest.mark.parametrize("start", [" ", "\U0010fffd"], ids=ascii)
def test_a_long_key_is_found_among_long_keys(installation: Installation, apart: date, start: str) -> None:
    """Even where both ranges are unknown, and the key is the first or the last that there could be."""
    neighbour = apart + timedelta(days=1)
    installation.deliver(neighbour, amex=_with_key(neighbour, "amex", start * LONG))
    installation.run(neighbour)
    installation.deliver(apart, visa=_with_key(apart, "visa", start * LONG))

    check = _refusal(installation, apart)

    assert (check.name, check.measured) == ("unique_in_window", "1")
