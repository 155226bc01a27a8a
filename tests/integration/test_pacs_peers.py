"""Asking, bringing and sending against Orthanc and dcmtk; no database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from io import BytesIO
from ipaddress import ip_network
from pathlib import Path

import pytest
from pydicom import dcmread

from nodules_app.dicom import network_ask, network_errors, web
from nodules_app.dicom.network import Peer, TlsFiles
from nodules_app.dicom.network_found import FoundStudy
from nodules_app.dicom.network_listen import Caller, Limits, Listener
from nodules_app.dicom.network_shelf import Shelf
from nodules_app.dicom.web import WebPeer
from tests import peers
from tests.unit.dicom.made import compressed, ct, picture, stack, uid, write

HOME = (ip_network("127.0.0.0/8"),)
OTHER = {"StudyInstanceUID": uid("second"), "SeriesInstanceUID": uid("second"), "StudyDate": "20190301"}


@pytest.fixture
def pacs(orthanc: peers.Orthanc) -> Iterator[Peer]:
    yield Peer(orthanc.title, "127.0.0.1", orthanc.dicom_port, "NODULES", timeout_s=10)
    orthanc.empty()


@pytest.fixture
def page(orthanc: peers.Orthanc) -> Iterator[WebPeer]:
    yield WebPeer(orthanc.dicomweb, peers.USER, peers.PASSWORD, timeout_s=10)
    orthanc.empty()


@pytest.fixture
def exams(tmp_path: Path) -> list[Path]:
    """Two exams of one person, three slices each, one of them compressed."""
    first = stack(3, StudyDescription="胸部CT平扫", BodyPartExamined="CHEST")
    second = [ct(number, SOPInstanceUID=uid("second", number), **OTHER) for number in range(3)]
    packed = [compressed(one, picture(number), "1.2.840.10008.1.2.4.80") for number, one in enumerate(second)]
    return [*write(tmp_path / "first", first), *write(tmp_path / "second", packed)]


def as_expected(found: tuple[FoundStudy, ...]) -> None:
    by_uid = {study.study_uid: study for study in found}
    assert set(by_uid) == {uid("study"), uid("second")}
    first = by_uid[uid("study")]
    assert (first.acquired_on, first.patient_id, first.birth_date) == (date(2020, 1, 15), "MADE-1", date(1950, 2, 3))
    assert first.description == "胸部CT平扫"
    assert first.modalities == {"CT"}
    assert first.instances == 3


class TestDimse:
    def test_what_orthanc_holds_is_found(self, pacs: Peer, orthanc: peers.Orthanc, exams: list[Path]) -> None:
        orthanc.upload(exams)
        network_ask.echo(pacs)
        as_expected(network_ask.find_studies(pacs, "MADE-1"))
        assert network_ask.find_studies(pacs, "MADE-2") == ()
        (series,) = network_ask.find_series(pacs, uid("study"))
        assert (series.modality, series.body_part, series.instances) == ("CT", "CHEST", 3)

    def test_an_exam_is_brought_as_it_is_stored(self, pacs: Peer, orthanc: peers.Orthanc, exams: list[Path]) -> None:
        orthanc.upload(exams)
        came: list[bytes] = []
        assert network_ask.get_study(pacs, uid("second"), came.append).instances == 3
        read = {one.SOPInstanceUID: one for one in (dcmread(BytesIO(content)) for content in came)}
        assert set(read) == {uid("second", number) for number in range(3)}
        assert {one.file_meta.TransferSyntaxUID for one in read.values()} == {"1.2.840.10008.1.2.4.80"}
        assert read[uid("second", 1)].PixelData == dcmread(exams[4]).PixelData

    @pytest.mark.parametrize("which", ["orthanc", "dcmtk"])
    def test_an_exam_is_moved_to_our_listener(
        self, which: str, orthanc: peers.Orthanc, exams: list[Path], tmp_path: Path
    ) -> None:
        callers = (Caller("1", "ORTHANC", HOME), Caller("2", "DCMTK", HOME))
        shelf = Shelf(tmp_path / "shelf", reserve_bytes=0)
        up = Listener(
            title="NODULES", address=("127.0.0.1", 0), callers=lambda: callers, shelf=shelf, limits=Limits(greeting_s=2)
        )
        up.start()
        try:
            if which == "orthanc":
                orthanc.know("NODULES", up.port)
                orthanc.upload(exams)
                self._moved(Peer("ORTHANC", "127.0.0.1", orthanc.dicom_port, "NODULES"), shelf)
                orthanc.empty()
            else:
                with peers.dcmqrscp(tmp_path / "dcmtk", knows={"NODULES": up.port}) as archive:
                    peer = Peer("DCMTK", "127.0.0.1", archive.port, "NODULES")
                    network_ask.store_files(peer, exams[:3])
                    self._moved(peer, shelf)
                    with pytest.raises(network_errors.DestinationUnknown):
                        network_ask.move_study(replace(peer, own_title="ELSEWHERE"), uid("study"))
        finally:
            up.stop()

    def _moved(self, peer: Peer, shelf: Shelf) -> None:
        assert network_ask.move_study(peer, uid("study")).instances == 3
        (parcel,) = shelf.parcels()
        assert (parcel.study_uid, parcel.instances) == (uid("study"), 3)

    def test_what_is_sent_twice_is_there_once_and_the_same(
        self, pacs: Peer, orthanc: peers.Orthanc, exams: list[Path]
    ) -> None:
        network_ask.store_files(pacs, exams)
        network_ask.store_files(pacs, exams)
        assert orthanc.sop_uids() == {dcmread(path).SOPInstanceUID for path in exams}
        stored = [dcmread(BytesIO(orthanc.file(one))) for one in orthanc.instances()]
        by_uid = {dcmread(path).SOPInstanceUID: dcmread(path) for path in exams}
        assert all(one.PixelData == by_uid[one.SOPInstanceUID].PixelData for one in stored)


class TestWeb:
    def test_what_orthanc_holds_is_found(self, page: WebPeer, orthanc: peers.Orthanc, exams: list[Path]) -> None:
        orthanc.upload(exams)
        web.look(page)
        as_expected(web.find_studies(page, "MADE-1"))
        (series,) = web.find_series(page, uid("study"))
        assert (series.modality, series.body_part) == ("CT", "CHEST")

    def test_an_exam_is_brought_as_it_is_stored(self, page: WebPeer, orthanc: peers.Orthanc, exams: list[Path]) -> None:
        orthanc.upload(exams)
        came: list[bytes] = []
        assert web.retrieve_study(page, uid("second"), came.append, renew=lambda: None).instances == 3
        read = [dcmread(BytesIO(content)) for content in came]
        assert {one.file_meta.TransferSyntaxUID for one in read} == {"1.2.840.10008.1.2.4.80"}
        assert {one.SOPInstanceUID for one in read} == {uid("second", number) for number in range(3)}

    def test_what_is_sent_twice_is_there_once(self, page: WebPeer, orthanc: peers.Orthanc, exams: list[Path]) -> None:
        web.store_files(page, exams, renew=lambda: None)
        web.store_files(page, exams, renew=lambda: None)
        assert orthanc.sop_uids() == {dcmread(path).SOPInstanceUID for path in exams}


class TestWhatIsWrong:
    """Each trouble has its own sentence."""

    @pytest.mark.parametrize(
        ("change", "refusal"),
        [
            ({"host": "no-such-host.invalid"}, network_errors.UnknownHost),
            ({"port": 1}, network_errors.NothingListens),
            ({"title": "ELSE"}, network_errors.WrongCalledTitle),
            ({"tls": TlsFiles()}, network_errors.TlsFailed),
        ],
    )
    def test_of_dimse(
        self, pacs: Peer, change: dict[str, object], refusal: type[network_errors.NetworkRefused]
    ) -> None:
        with pytest.raises(refusal) as said:
            network_ask.echo(replace(pacs, **change))  # type: ignore[arg-type] # each a field of Peer
        assert said.value.as_remedy()

    def test_of_a_title_that_is_not_let_in(self, tmp_path: Path) -> None:
        shelf = Shelf(tmp_path, reserve_bytes=0)
        up = Listener(title="NODULES", address=("127.0.0.1", 0), callers=lambda: (Caller("1", "A"),), shelf=shelf)
        up.start()
        try:
            with pytest.raises(network_errors.WeAreUnknown, match="does not know our AE title B"):
                network_ask.echo(Peer("NODULES", "127.0.0.1", up.port, "B"))
            with pytest.raises(network_errors.NotOffered, match="Study Root"):
                network_ask.find_studies(Peer("NODULES", "127.0.0.1", up.port, "A"), "X")
        finally:
            up.stop()

    @pytest.mark.parametrize(
        ("change", "refusal"),
        [
            ({"url": "http://no-such-host.invalid/dicom-web"}, network_errors.UnknownHost),
            ({"url": "http://127.0.0.1:1/dicom-web"}, network_errors.NothingListens),
            ({"secret": "wrong"}, network_errors.SignInFailed),
        ],
    )
    def test_of_dicomweb(
        self, page: WebPeer, change: dict[str, str], refusal: type[network_errors.NetworkRefused]
    ) -> None:
        with pytest.raises(refusal) as said:
            web.look(replace(page, **change))  # type: ignore[arg-type] # each a field of WebPeer
        assert "wrong" not in said.value.as_sentence()

    def test_of_an_address_that_is_no_dicomweb(self, page: WebPeer, orthanc: peers.Orthanc) -> None:
        with pytest.raises(network_errors.NoServiceThere):
            web.look(replace(page, url=f"http://127.0.0.1:{orthanc.http_port}/nothing-here"))

    def test_a_secret_is_in_no_text_of_the_peer(self, page: WebPeer) -> None:
        assert peers.PASSWORD not in repr(page)
