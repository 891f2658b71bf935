"""Reasons of time: when files are due, how late they are, and which changes come too late."""

from settlement_platform.control.reasons.reason import ReasonTemplate

PROVISIONAL_CUT_DUE = ReasonTemplate(
    "provisional_cut_due",
    "provisional cut: the deadline was {deadline}, with {present} of {required} required sources",
)
NO_FILE_EXPECTED = ReasonTemplate("no_file_expected", "no file is expected: {closed}")
