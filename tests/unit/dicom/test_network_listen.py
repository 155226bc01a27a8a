"""The storage provider against those who call it: dcmtk, ten at once, the killed, the wrong and the hostile."""

from __future__ import annotations

import io
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import NamedTuple

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, JPEGLSLossless
from pynetdicom import AE, build_context
from pynetdicom.association import Association

from nodules_app.dicom.network import TlsFiles
from nodules_app.dicom.network_listen import Caller, Limits, Listener
from nodules_app.dicom.network_shelf import ASIDE, ENDING, Shelf
from nodules_app.dicom.syntaxes import READABLE
from tests import peers
from tests.unit.dicom.made import as_bytes, compressed, ct, picture, stack, uid, write

CT = "1.2.840.10008.5.1.4.1.1.2"
ECHO = "1.2.840.10008.1.1"
HOME = (ip_network("127.0.0.0/8"),)
SCANNER = Caller("5c6a2a4e-0000-4000-8000-000000000001", "SCANNER", HOME)
QUICK = Limits(silence_s=5.0, greeting_s=1.0)


class DiskUsage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "shelf", reserve_bytes=0)


@pytest.fixture
def listener(shelf: Shelf) -> Iterator[Listener]:
    up = Listener(title="NODULES", address=("127.0.0.1", 0), callers=lambda: (SCANNER,), shelf=shelf, limits=QUICK)
    up.start()
    yield up
    up.stop()


def call(listener: Listener, *, title: str = "SCANNER", called: str = "NODULES") -> Association:
    entity = AE(ae_title=title)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = 10
    contexts = [build_context(CT, str(syntax)) for syntax in (ExplicitVRLittleEndian, JPEGLSLossless)]
    return entity.associate("127.0.0.1", listener.port, [*contexts, build_context(ECHO)], called)


def send(association: Association, dataset: Dataset) -> int:
    dataset.file_meta = dcmread(io.BytesIO(as_bytes(dataset))).file_meta
    return int(association.send_c_store(dataset).Status)


def until(true: Callable[[], object], within_s: float = 10.0) -> None:
    end = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)


def all_over(listener: Listener) -> bool:
    listener.reap()
    return not any(parcel.open_associations for parcel in listener.shelf.parcels())


def test_what_dcmtk_sends_is_kept_as_it_was_sent(listener: Listener, tmp_path: Path) -> None:
    made = [compressed(ct(number), picture(number), JPEGLSLossless) for number in range(3)]
    write(tmp_path / "exam", made)
    told = peers.dcmtk(
        "storescu", "-xt", "-aet", "SCANNER", "-aec", "NODULES", "+sd", "127.0.0.1", listener.port, tmp_path / "exam"
    )
    assert told.returncode == 0, told.stdout
    until(lambda: all_over(listener))
    (parcel,) = listener.shelf.parcels()
    assert (parcel.caller, parcel.study_uid, parcel.instances) == (SCANNER.key, uid("study"), 3)
    assert not parcel.broken
    kept = dcmread(parcel.files / f"{uid('instance', 0)}{ENDING}")
    assert kept.file_meta.TransferSyntaxUID == JPEGLSLossless
    assert kept.PixelData == dcmread(tmp_path / "exam" / "IM000.dcm").PixelData


def test_dcmtk_is_answered_and_a_wrong_called_title_is_not_ours(listener: Listener) -> None:
    def echo(title: str, called: str) -> subprocess.CompletedProcess[str]:
        return peers.dcmtk("echoscu", "-v", "-aet", title, "-aec", called, "127.0.0.1", listener.port)

    assert echo("SCANNER", "NODULES").returncode == 0
    assert "Called AE Title Not Recognized" in echo("SCANNER", "NODULE").stdout
    assert "Calling AE Title Not Recognized" in echo("STRANGER", "NODULES").stdout


def test_an_unknown_transfer_syntax_is_not_taken_and_the_others_are(listener: Listener) -> None:
    entity = AE(ae_title="SCANNER")
    entity.add_requested_context(CT, "1.2.840.10008.1.2.4.100")  # MPEG-2: no CT is stored so
    entity.add_requested_context(ECHO)
    association = entity.associate("127.0.0.1", listener.port, ae_title="NODULES")
    assert [one.abstract_syntax for one in association.accepted_contexts] == [ECHO]
    assert [one.result for one in association.rejected_contexts] == [4]  # transfer syntaxes not supported
    association.release()


def test_all_that_can_be_read_is_taken(listener: Listener) -> None:
    entity = AE(ae_title="SCANNER")
    for syntax in READABLE:
        entity.add_requested_context(CT, str(syntax))
    entity.requested_contexts = [build_context(CT, str(syntax)) for syntax in READABLE]
    association = entity.associate("127.0.0.1", listener.port, ae_title="NODULES")
    assert {one.transfer_syntax[0] for one in association.accepted_contexts} == set(READABLE)
    association.release()


def test_the_same_again_is_known_and_another_content_is_kept_aside(listener: Listener, shelf: Shelf) -> None:
    association = call(listener)
    assert send(association, ct(0)) == 0x0000
    assert send(association, ct(0)) == 0x0000
    assert send(association, ct(0, SliceThickness="9")) == 0x0111
    association.release()
    until(lambda: all_over(listener))
    (parcel,) = shelf.parcels()
    assert (parcel.instances, parcel.known, parcel.aside) == (1, 1, 1)
    assert dcmread(parcel.files / f"{uid('instance', 0)}{ENDING}").SliceThickness == 2.5
    (aside,) = (shelf.root / ASIDE / SCANNER.key).iterdir()
    assert dcmread(aside).SliceThickness == 9


def test_what_is_no_instance_is_refused(listener: Listener, shelf: Shelf) -> None:
    association = call(listener)
    assert send(association, ct(0, StudyInstanceUID="../../../etc")) == 0xC000
    assert send(association, ct(0, StudyInstanceUID=None)) == 0xC000
    association.release()
    until(lambda: all_over(listener))
    assert not shelf.parcels()


def test_a_full_disk_is_said_and_nothing_is_handed_over(
    listener: Listener, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    association = call(listener)
    assert send(association, ct(0)) == 0x0000
    with monkeypatch.context() as full:
        full.setattr("shutil.disk_usage", lambda _: DiskUsage(100, 99, 1))
        assert send(association, ct(1)) == 0xA700
    association.release()
    until(lambda: all_over(listener))
    (parcel,) = shelf.parcels()
    assert parcel.broken
    assert parcel.instances == 1
    again = call(listener)
    assert [send(again, slice_) for slice_ in stack(2)] == [0, 0]
    again.release()
    until(lambda: all_over(listener))
    (parcel,) = shelf.parcels()
    assert (parcel.broken, parcel.instances) == (False, 2)


def test_a_sender_that_is_killed_leaves_what_came_and_a_restart_knows_it(listener: Listener, shelf: Shelf) -> None:
    association = call(listener)
    assert send(association, ct(0)) == 0
    assert association.dul.socket is not None
    assert association.dul.socket.socket is not None
    association.dul.socket.socket.shutdown(socket.SHUT_RDWR)
    until(lambda: all_over(listener))
    (parcel,) = shelf.parcels()
    assert parcel.broken
    fresh = Shelf(shelf.root, reserve_bytes=0)
    assert fresh.load() == []
    (known,) = fresh.parcels()
    assert (known.study_uid, known.instances, known.broken) == (uid("study"), 1, True)


def test_ten_at_once_lose_nothing_and_double_nothing(listener: Listener, shelf: Shelf) -> None:
    each = 12
    answers: list[int] = []

    def one_sender(number: int) -> None:
        association = call(listener)
        for slice_number in range(each):
            name = uid("of", number, slice_number)
            elements = {"SOPInstanceUID": name, "StudyInstanceUID": uid("study", number % 5)}
            answers.append(send(association, ct(slice_number, **elements)))
        association.release()

    senders = [threading.Thread(target=one_sender, args=(number,)) for number in range(10)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    until(lambda: all_over(listener))
    assert answers == [0] * 10 * each
    kept = [path.name for parcel in shelf.parcels() for path in parcel.files.iterdir()]
    assert sorted(kept) == sorted(f"{uid('of', n, s)}{ENDING}" for n in range(10) for s in range(each))
    assert [parcel.instances for parcel in shelf.parcels()] == [2 * each] * 5
    assert not any(parcel.broken for parcel in shelf.parcels())


ASSOCIATE_OF_A_GIGABYTE = struct.pack(">BBL", 1, 0, 1 << 30)
HOSTILE = {
    "nothing": b"",
    "noise": bytes(range(256)) * 40,
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "cut off": struct.pack(">BBL", 1, 0, 200) + b"\0\1",
    "a gigabyte": ASSOCIATE_OF_A_GIGABYTE,
    "wrong inner lengths": struct.pack(">BBL", 1, 0, 80) + b"\0\1" + b"\xff" * 78,
    "data before a greeting": struct.pack(">BBL", 4, 0, 8) + struct.pack(">LBB", 4, 1, 3) + b"\0\0",
    "no such message": struct.pack(">BBL", 0x77, 0, 4) + b"abcd",
}


@pytest.mark.parametrize("sent", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_bytes_end_their_connection_and_nothing_else(listener: Listener, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", listener.port), 5) as hostile:
        hostile.sendall(sent)
        hostile.settimeout(QUICK.greeting_s + 4)
        assert _hangs_up(hostile)  # within the greeting's time
    association = call(listener)
    assert association.send_c_echo().Status == 0
    association.release()


def test_a_message_that_never_ends_is_cut_off(shelf: Shelf) -> None:
    small = Limits(silence_s=5.0, greeting_s=1.0, largest_bytes=100_000)
    up = Listener(title="NODULES", address=("127.0.0.1", 0), callers=lambda: (SCANNER,), shelf=shelf, limits=small)
    up.start()
    try:
        association = call(up)
        huge = ct(0)
        huge.PixelData = bytes(400_000)
        huge.file_meta = dcmread(io.BytesIO(as_bytes(ct(0)))).file_meta
        assert "Status" not in association.send_c_store(huge)
        until(lambda: association.is_aborted)
        assert not shelf.parcels()
    finally:
        up.stop()


def test_a_flood_is_closed_at_the_door_and_known_callers_come_through(shelf: Shelf) -> None:
    narrow = Limits(silence_s=5.0, greeting_s=1.0, connections_an_address=4)
    up = Listener(title="NODULES", address=("127.0.0.1", 0), callers=lambda: (SCANNER,), shelf=shelf, limits=narrow)
    up.start()
    try:
        flood = [socket.create_connection(("127.0.0.1", up.port), 5) for _ in range(60)]
        threads = threading.active_count()
        assert threads < 40
        until(lambda: sum(_is_closed(one) for one in flood) >= 50)
        for one in flood:
            one.close()
        until(lambda: _answers(up))
    finally:
        up.stop()


def _hangs_up(sock: socket.socket) -> bool:
    try:
        while sock.recv(4096):
            pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


def _is_closed(sock: socket.socket) -> bool:
    sock.settimeout(0.01)
    try:
        return sock.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def _answers(listener: Listener) -> bool:
    association = call(listener)
    if not association.is_established:
        return False
    association.release()
    return True


def test_an_address_from_where_nobody_calls_is_not_talked_to(shelf: Shelf) -> None:
    elsewhere = Caller("k", "SCANNER", (ip_network("192.0.2.0/24"),))
    up = Listener(title="NODULES", address=("127.0.0.1", 0), callers=lambda: (elsewhere,), shelf=shelf, limits=QUICK)
    up.start()
    try:
        with socket.create_connection(("127.0.0.1", up.port), 5) as stranger:
            until(lambda: _is_closed(stranger))
    finally:
        up.stop()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    """A certificate for this machine that signs itself."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed: no certificate can be made for the test")
    folder = tmp_path_factory.mktemp("tls")
    files = TlsFiles(folder / "cert.pem", folder / "key.pem", folder / "cert.pem")
    asked = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    places = ["-keyout", str(files.key), "-out", str(files.certificate)]
    subprocess.run([openssl, *asked.split(), *places], check=True, capture_output=True)
    return files


def test_with_tls_a_caller_shows_a_certificate_and_silence_keeps_nobody_waiting(
    shelf: Shelf, certificate: TlsFiles, tmp_path: Path
) -> None:
    up = Listener(
        title="NODULES",
        address=("127.0.0.1", 0),
        callers=lambda: (SCANNER,),
        shelf=shelf,
        limits=QUICK,
        tls=certificate,
    )
    up.start()
    try:
        with socket.create_connection(("127.0.0.1", up.port), 5):  # says nothing while the others call
            write(tmp_path / "exam", stack(2))
            common = ["-aet", "SCANNER", "-aec", "NODULES", "127.0.0.1", up.port, tmp_path / "exam" / "IM000.dcm"]
            shown = ["+tls", certificate.key, certificate.certificate, "+cf", certificate.authorities]
            told = peers.dcmtk("storescu", *shown, *common)
            assert told.returncode == 0, told.stdout
            assert peers.dcmtk("storescu", *common).returncode != 0  # in the clear
            assert peers.dcmtk("storescu", "+tla", "-ic", *common).returncode != 0  # shows none
        until(lambda: len(shelf.parcels()) == 1)
    finally:
        up.stop()
