"""Texts from stores and operators reach a terminal without control characters."""

import pytest

from settlement_platform.cli.doctor import doctor
from settlement_platform.cli.doctor.findings import DoctorFinding

EVIL = "a\x1b[2Jb\u202ec"


def test_doctor_shows_control_characters_as_escapes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    finding = DoctorFinding(subject="lake", well=False, seen=EVIL, remedy=EVIL)
    monkeypatch.setattr(doctor, "examine_installation", lambda _: [finding])

    doctor.run_doctor(json=False)

    shown = capsys.readouterr().out
    assert shown.count("a\\x1b[2Jb\\u202ec") == 2
    assert not {"\x1b", "\u202e"} & set(shown)
