"""The hashed bytes are the bytes that are read, from a folder and from an S3 bucket alike."""

import gzip
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import obstore
import pytest

from settlement_platform.control.failures import PermanentFailure, TransientFailure
from settlement_platform.control.landing.deliveries import LandedFile
from settlement_platform.control.policies import DeliveryLimits
from settlement_platform.storage.engines.duckdb_engine import S3Credentials
from settlement_platform.storage.engines.object_store import open_store
from settlement_platform.storage.landing import zone as landing
from settlement_platform.storage.landing.text_scan import TextScanner
from settlement_platform.storage.landing.zone import LandingZone, text_lines
from settlement_platform_tests.builders import DAY, day
from settlement_platform_tests.processes import SPAWN, run_all
from settlement_platform_tests.servers import S3Server
from settlement_platform_tests.storage.big_files import peak_while_receiving

TEXT = b"transaction_id,amount_minor\nt-1,100\nt-2,200\n"
KEY = f"{DAY}/visa/cards.csv"


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """A landing zone, and a provider that delivers into it."""

    zone: LandingZone
    store: Any
    workspace: Path

    def deliver(self, key: str = KEY, content: bytes = TEXT) -> LandedFile:
        """Put a file there; how the zone lists it."""
        obstore.put(self.store, key, content)
        (found,) = [file for file in self.zone.list_date(DAY) if file.key == key]
        return found

    def copies(self) -> list[Path]:
        """The private copies that lie in the workspace."""
        return sorted(self.workspace.glob("*"))


@pytest.fixture(params=["folder", "s3"])
def delivered(request: pytest.FixtureRequest, tmp_path: Path) -> Delivered:
    """An empty landing zone."""
    if request.param == "s3":
        server: S3Server = request.getfixturevalue("s3")
        url, access = server.new_prefix(), server.access
    else:
        url, access = str(tmp_path / "landing"), None
    workspace = tmp_path / "tmp"
    zone = LandingZone(url, workspace=workspace, s3=access)
    return Delivered(zone=zone, store=open_store(url, access), workspace=workspace)


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every file for one that has not changed for long."""
    monkeypatch.setattr(landing, "STABLE_SECONDS", -1.0)


@pytest.fixture
def folder(tmp_path: Path) -> Delivered:
    """An empty landing folder."""
    url = str(tmp_path / "landing")
    zone = LandingZone(url, workspace=tmp_path / "tmp")
    return Delivered(zone=zone, store=open_store(url, None), workspace=tmp_path / "tmp")


def sha256(content: bytes) -> str:
    """In hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def test_a_date_lists_its_own_files(delivered: Delivered) -> None:
    """With their sizes, and without those of other dates."""
    names = ["visa/cards.csv", "visa/cards.control.json", "amex/cards.2.csv.gz", "note.txt"]
    for name in names:
        delivered.deliver(f"{DAY}/{name}", name.encode())
    obstore.put(delivered.store, f"{day(1)}/visa/cards.csv", TEXT)

    found = delivered.zone.list_date(DAY)

    assert {file.key: file.bytes for file in found} == {f"{DAY}/{name}": len(name) for name in names}
    assert all(file.modified_at.tzinfo for file in found)


def test_a_date_without_files_lists_none(delivered: Delivered) -> None:
    """Nothing has arrived, which is no error."""
    assert delivered.zone.list_date(DAY) == []


def test_a_folder_that_was_never_there_is_made_or_empty(tmp_path: Path) -> None:
    """Whoever only reads makes nothing."""
    reading = LandingZone(str(tmp_path / "landing"), workspace=tmp_path, make=False)
    listed = reading.list_date(DAY)
    left = (tmp_path / "landing").exists()
    LandingZone(str(tmp_path / "landing"), workspace=tmp_path)

    assert (listed, left) == ([], False)
    assert (tmp_path / "landing").is_dir()


@pytest.mark.parametrize("make", [True, False])
def test_a_folder_that_was_there_and_is_missing_is_no_folder_without_deliveries(tmp_path: Path, make: bool) -> None:
    """Nothing is listed, and none is made in its place; when it is back, so is what lies in it."""
    url = str(tmp_path / "landing")
    zone = LandingZone(url, workspace=tmp_path, make=make, was_there=True)

    for listing in (lambda: zone.list_date(DAY), lambda: zone.list_dates([], DAY, DAY), lambda: zone.list_each([], [])):
        with pytest.raises(TransientFailure, match="is missing, although it was there before") as failed:
            listing()
        assert failed.value.dependency == "landing"

    assert not (tmp_path / "landing").exists()
    obstore.put(open_store(url, None), f"{DAY}/visa/cards.csv", TEXT)
    assert [f.key for f in zone.list_date(DAY)] == [f"{DAY}/visa/cards.csv"]


def test_a_folder_that_goes_away_while_it_is_in_use_is_missed(folder: Delivered, tmp_path: Path) -> None:
    """Between two listings, whatever was on record before."""
    (tmp_path / "landing").rename(tmp_path / "away")

    with pytest.raises(TransientFailure, match="is missing, although it was there before"):
        folder.zone.list_date(DAY)


@pytest.mark.parametrize("key", [f"{DAY}/visa/.cards.csv.tmp", f"{DAY}/.incoming/cards.csv"])
def test_hidden_files_are_left_out(delivered: Delivered, key: str) -> None:
    """Providers write under a hidden name first."""
    obstore.put(delivered.store, key, TEXT)

    assert delivered.zone.list_date(DAY) == []


def test_an_overwritten_file_has_another_tag_or_time(delivered: Delivered) -> None:
    """It is seen without reading, even when the size stays."""
    before = delivered.deliver(content=b"a,b\n1,2\n")

    after = delivered.deliver(content=b"a,b\n1,3\n")

    assert (after.tag, after.modified_at) != (before.tag, before.modified_at)


@pytest.mark.parametrize("content", [TEXT, b"", b"\xef\xbb\xbf" + TEXT, b"bad \xff text\n"])
def test_a_received_file_has_the_hash_of_its_bytes_and_is_readable(delivered: Delivered, content: bytes) -> None:
    """Later reads return exactly the bytes that were hashed."""
    received = delivered.zone.receive(delivered.deliver(content=content))

    assert (received.sha256, received.bytes) == (sha256(content), len(content))
    assert received.text.sha256 == sha256(content)
    assert received.path.read_bytes() == content
    assert received.is_unchanged()
    received.close()


def test_a_received_text_is_read_without_its_byte_order_mark(delivered: Delivered) -> None:
    """The first column has no odd name."""
    received = delivered.zone.receive(delivered.deliver(content=b"\xef\xbb\xbf" + TEXT))

    with text_lines(received.path) as lines:
        header = lines.readline()

    assert header == "transaction_id,amount_minor\n"
    received.close()


@pytest.mark.parametrize(
    "packed",
    [
        gzip.compress(TEXT),
        gzip.compress(TEXT[:20]) + gzip.compress(TEXT[20:]),
        b"".join(gzip.compress(TEXT[n : n + 1]) for n in range(len(TEXT))),
        gzip.compress(b"") + gzip.compress(TEXT) + gzip.compress(b""),
    ],
    ids=["one member", "two members", "a member per byte", "empty members"],
)
def test_a_gzip_file_is_unpacked_and_hashed_as_delivered(delivered: Delivered, packed: bytes) -> None:
    """However many members it has."""
    received = delivered.zone.receive(delivered.deliver(f"{KEY}.gz", packed))

    assert (received.sha256, received.bytes) == (sha256(packed), len(packed))
    assert received.path.read_bytes() == TEXT
    assert received.text.fault == ""
    received.close()


@pytest.mark.parametrize(
    "packed",
    [
        gzip.compress(TEXT)[:-1],
        gzip.compress(TEXT)[:-9],
        gzip.compress(TEXT)[:5],
        gzip.compress(TEXT) + gzip.compress(TEXT)[:-3],
        gzip.compress(TEXT) + b"garbage",
        gzip.compress(TEXT)[:-8] + b"\0" * 8,
        TEXT,
        b"",
    ],
    ids=[
        "last byte cut",
        "trailer cut",
        "header cut",
        "second cut",
        "garbage after",
        "checksum",
        "plain",
        "empty",
    ],
)
def test_what_is_no_complete_gzip_file_is_a_fault(delivered: Delivered, packed: bytes) -> None:
    """It is reported with the hash of what was delivered, and nothing is raised."""
    received = delivered.zone.receive(delivered.deliver(f"{KEY}.gz", packed))

    assert received.text.fault == "incomplete or damaged gzip file"
    assert received.sha256 == sha256(packed)
    received.close()


@pytest.mark.parametrize("padding", [1, 512, 5_000_000])
def test_zero_bytes_may_pad_a_complete_gzip_file(delivered: Delivered, padding: int) -> None:
    """Tapes and some programs fill the last block."""
    packed = gzip.compress(TEXT) + bytes(padding)

    received = delivered.zone.receive(delivered.deliver(f"{KEY}.gz", packed))

    assert (received.text.fault, received.text.sha256) == ("", sha256(TEXT))
    received.close()


@pytest.mark.parametrize("after", [b"x", gzip.compress(TEXT)], ids=["a byte", "another member"])
def test_nothing_may_follow_the_padding(delivered: Delivered, after: bytes) -> None:
    received = delivered.zone.receive(delivered.deliver(f"{KEY}.gz", gzip.compress(TEXT) + bytes(9) + after))

    assert received.text.fault == "incomplete or damaged gzip file"
    received.close()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (bytes(300_000_000), "contains a NUL byte"),
        (b"a\xff" + b"0,1\n" * 70_000_000, "not UTF-8 (byte 0xff)"),
        (b"0" * 300_000_000, "line_too_long"),
        (b"0,1\n" * 70_000_000, "delivery_too_large"),
    ],
    ids=["zeros", "not UTF-8", "one line", "too large"],
)
def test_a_small_file_of_endless_text_is_unpacked_only_up_to_its_fault(
    delivered: Delivered, text: bytes, fault: str
) -> None:
    """A thousand times its size is neither computed nor written; its hash is that of the delivered bytes."""
    packed = gzip.compress(text, compresslevel=1)
    file = delivered.deliver(f"{KEY}.gz", packed)

    received = delivered.zone.receive(file, DeliveryLimits(most_bytes=10_000_000))

    assert received.path.stat().st_size < 20_000_000
    assert received.sha256 == sha256(packed)
    assert getattr(received.text.fault, "code", received.text.fault) == fault
    received.close()


def test_a_plain_file_beyond_the_limit_is_a_fault(delivered: Delivered) -> None:
    file = delivered.deliver(content=TEXT)

    small = delivered.zone.receive(file, DeliveryLimits(most_bytes=len(TEXT) - 1))
    exact = delivered.zone.receive(file, DeliveryLimits(most_bytes=len(TEXT)))

    assert getattr(small.text.fault, "code", "") == "delivery_too_large"
    assert exact.text.fault == ""
    small.close()
    exact.close()


def test_a_fault_in_gzipped_text_is_found_on_its_line(delivered: Delivered) -> None:
    """Lines are those of the text, not of the packed bytes."""
    received = delivered.zone.receive(delivered.deliver(f"{KEY}.gz", gzip.compress(b"a\nb\nc\0\n")))

    assert (received.text.fault, received.text.fault_line) == ("contains a NUL byte", 3)
    received.close()


def test_a_recent_file_is_read_from_a_copy_that_release_removes(delivered: Delivered) -> None:
    """Nobody can change it while it is read, and nothing is left behind."""
    received = delivered.zone.receive(delivered.deliver())

    delivered.deliver(content=b"overwritten\n")

    assert received.private
    assert delivered.copies() == [received.path]
    assert received.is_unchanged()
    assert received.path.read_bytes() == TEXT
    received.close()
    received.close()
    assert delivered.copies() == []


def test_a_file_that_vanished_after_it_was_listed_is_transient(delivered: Delivered) -> None:
    """The next scan finds the files of that time; no copy is left."""
    file = delivered.deliver()
    obstore.delete(delivered.store, file.key)

    with pytest.raises(TransientFailure, match=r"cards\.csv"):
        delivered.zone.receive(file)

    assert delivered.copies() == []


@pytest.mark.parametrize("content", [b"", b"{}", b'{"rows": 3}'])
def test_a_control_file_is_read_and_hashed_at_once(delivered: Delivered, content: bytes) -> None:
    """Even an empty one; no copy is kept."""
    file = delivered.deliver(f"{DAY}/visa/cards.control.json", content)

    found = delivered.zone.receive_control(file)

    assert (found.text, found.sha256) == (content, sha256(content))
    assert delivered.copies() == []


def test_a_control_file_that_grew_since_it_was_listed_is_read_whole(delivered: Delivered) -> None:
    """Half of a document would be no JSON, under the hash of a good one."""
    file = delivered.deliver(f"{DAY}/visa/cards.control.json", b"{}")
    delivered.deliver(f"{DAY}/visa/cards.control.json", b'{"rows": 3}')

    found = delivered.zone.receive_control(file)

    assert (found.text, found.sha256) == (b'{"rows": 3}', sha256(b'{"rows": 3}'))


def test_of_an_absurdly_large_control_file_only_the_beginning_is_kept(
    delivered: Delivered, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody's mistake takes the memory of the machine; what is kept is too long to be taken for all."""
    monkeypatch.setattr(landing, "MAX_CONTROL_FILE_BYTES", 10)
    file = delivered.deliver(f"{DAY}/visa/cards.control.json", b"x" * 3_000_000)

    found = delivered.zone.receive_control(file)

    assert (found.text, found.sha256) == (b"x" * 11, sha256(b"x" * 3_000_000))


@pytest.mark.usefixtures("settled")
def test_a_settled_plain_file_is_read_in_place(folder: Delivered) -> None:
    """A copy would cost as much as reading it again."""
    received = folder.zone.receive(folder.deliver())

    assert not received.private
    assert folder.copies() == []
    assert received.path.read_bytes() == TEXT
    received.close()
    received.close()


def overwrite(path: Path) -> None:
    """Other bytes of the same length, with the times of before."""
    times = path.stat()
    path.write_bytes(TEXT.replace(b"100", b"999"))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def replace_file(path: Path) -> None:
    """Another file under the same name."""
    other = path.with_name("other")
    other.write_bytes(TEXT.replace(b"100", b"999"))
    other.replace(path)


def append(path: Path) -> None:
    """One more row."""
    with path.open("ab") as stream:
        stream.write(b"t-3,300\n")


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("change", [overwrite, replace_file, append])
def test_a_change_after_hashing_is_noticed(folder: Delivered, change: Callable[[Path], None]) -> None:
    """Whoever read the file asks before trusting what was read."""
    file = folder.deliver()
    received = folder.zone.receive(file)

    change(Path(folder.zone.url) / file.key)

    assert not received.is_unchanged()
    received.close()


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("change", [overwrite, replace_file, append])
def test_a_change_during_hashing_is_noticed(
    folder: Delivered, change: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hash would be that of no file that ever was."""
    file = folder.deliver()
    path = Path(folder.zone.url) / file.key

    class Disturbed(TextScanner):
        """A scanner while whose work the provider writes once."""

        def feed(self, chunk: bytes) -> None:
            if chunk.startswith(b"transaction_id"):
                change(path)
            super().feed(chunk)

    monkeypatch.setattr(landing, "TextScanner", Disturbed)

    with pytest.raises(TransientFailure, match="changed while it was being read"):
        folder.zone.receive(file)


def test_a_modification_time_in_the_future_does_not_make_a_file_old(
    folder: Delivered, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Age is counted by the clock that stamps files, and such a file is copied to be safe."""
    monkeypatch.setattr(landing, "STABLE_SECONDS", -1.0)
    file = folder.deliver()
    os.utime(Path(folder.zone.url) / file.key, (4e9, 4e9))

    received = folder.zone.receive(file)

    assert received.private
    received.close()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the kernel does not tell a process its peak")
def test_memory_stays_bounded_for_a_large_gzip_file(folder: Delivered) -> None:
    """200 MB of text pass through in pieces."""
    line = b"t-0000000001,visa,m-1,tok_1,EUR,1000,20,sale,2026-11-20T10:00:00Z\n"
    member = gzip.compress(line * (20_000_000 // len(line)), 1)
    file = folder.deliver(f"{KEY}.gz", member * 10)

    ((grown, text_bytes),) = run_all(peak_while_receiving, [(folder.zone.url, str(folder.workspace), file)], SPAWN)

    assert text_bytes == len(line) * (20_000_000 // len(line)) * 10
    assert grown < 100 * 1024 * 1024


def test_a_wrong_secret_is_permanent(s3: S3Server, tmp_path: Path) -> None:
    """Trying again does not make it right."""
    wrong = replace(s3.access, secret="guessed")
    zone = LandingZone(s3.new_prefix(), workspace=tmp_path, s3=wrong)

    with pytest.raises(PermanentFailure, match="Listing s3://"):
        zone.list_date(DAY)


def test_a_server_that_does_not_answer_is_transient(tmp_path: Path) -> None:
    """It may come back."""
    nobody = S3Credentials(endpoint_url="http://127.0.0.1:1", region="us-east-1", key_id="k", secret="s")
    zone = LandingZone("s3://tests/landing", workspace=tmp_path, s3=nobody)

    with pytest.raises(TransientFailure, match="Listing s3://"):
        zone.list_date(DAY)
