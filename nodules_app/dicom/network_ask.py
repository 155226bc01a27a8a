"""Asking a PACS by DIMSE: is it there, what does it hold, bring it here, take this (PS3.4 annexes B and C).

Every function opens one association and ends it; what is wrong is raised as a refusal of ``network_errors``. Files
that come in are handed to a callback as they came, byte for byte.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydicom.dataset import Dataset
from pydicom.filereader import read_file_meta_info
from pydicom.uid import UID, CTImageStorage, EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage
from pynetdicom import AE, build_context, build_role, evt
from pynetdicom.association import Association
from pynetdicom.events import EventHandlerType
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
from pynetdicom.presentation import PresentationContext

from nodules_app.dicom.examination import SEGMENTATION_STORAGE, SR_STORAGE
from nodules_app.dicom.network import MAX_PDU_BYTES, VERIFICATION, Peer
from nodules_app.dicom.network_errors import (
    AssociationRefused,
    BrokenOff,
    DestinationUnknown,
    NetworkRefused,
    NoAnswer,
    NotAllCame,
    NothingListens,
    NotOffered,
    NotTaken,
    QuestionFailed,
    TlsFailed,
    UnknownHost,
    WeAreUnknown,
    WrongCalledTitle,
)
from nodules_app.dicom.network_found import SERIES_KEYS, STUDY_KEYS, FoundSeries, FoundStudy, series_of, study_of
from nodules_app.dicom.syntaxes import READABLE

FIND, MOVE, GET = (f"1.2.840.10008.5.1.4.1.2.2.{n}" for n in (1, 2, 3))  # study root query/retrieve, PS3.4 annex C
MOST_ANSWERS: Final = 500  # of one question; nobody has had more CTs
PENDING: Final = frozenset({0xFF00, 0xFF01})
WARNING_SUBOPERATIONS: Final = 0xB000  # the exam came, but for some of its images
MOVE_DESTINATION_UNKNOWN: Final = 0xA801
CONNECT_WITHIN_S: Final = 10.0
# What is asked for by C-GET: images to measure on, and what others found on them.
WANTED_CLASSES: Final = (
    CTImageStorage,
    EnhancedCTImageStorage,
    LegacyConvertedEnhancedCTImageStorage,
    SEGMENTATION_STORAGE,
    *(SR_STORAGE + kind for kind in ("11", "22", "33", "34", "50")),
)
# PS3.8 table 9-21: (source, reason)
CALLING_TITLE_UNKNOWN, CALLED_TITLE_UNKNOWN = (1, 3), (1, 7)

Keep = Callable[[bytes], None]  # a whole DICOM file
Renew = Callable[[], None]  # called now and then while something long goes on


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Came:
    """How a retrieval ended: images that the PACS says it sent."""

    instances: int


def echo(peer: Peer) -> None:
    """Ask whether the PACS is there and lets us in (C-ECHO)."""
    with _association(peer, [build_context(VERIFICATION)]) as association:
        status = association.send_c_echo()
        _require_success(peer, "C-ECHO", status)


def find_studies(peer: Peer, patient_id: str) -> tuple[FoundStudy, ...]:
    """Ask for the exams under a patient's number; the PACS may answer with more, so that the caller has to compare."""
    asked = _question("STUDY", STUDY_KEYS)
    asked.PatientID = patient_id
    found = (study_of(answer) for answer in _find(peer, asked))
    return tuple(study for study in found if study is not None)


def find_series(peer: Peer, study_uid: str) -> tuple[FoundSeries, ...]:
    """Ask for the series of an exam."""
    asked = _question("SERIES", SERIES_KEYS)
    asked.StudyInstanceUID = study_uid
    found = (series_of(answer) for answer in _find(peer, asked))
    return tuple(series for series in found if series is not None)


def _question(level: str, keys: Sequence[str]) -> Dataset:
    asked = Dataset()
    asked.SpecificCharacterSet = "ISO_IR 192"  # so that answers in Chinese arrive as such
    asked.QueryRetrieveLevel = level
    for keyword in keys:
        setattr(asked, keyword, None if keyword == "SliceThickness" else "")
    return asked


def _find(peer: Peer, asked: Dataset) -> list[Dataset]:
    model = UID(FIND)
    answers: list[Dataset] = []
    with _association(peer, [build_context(model)]) as association:
        for status, answer in association.send_c_find(asked, model):
            if _status(peer, status) in PENDING:
                if answer is not None and len(answers) < MOST_ANSWERS:
                    answers.append(answer)
                continue
            _require_success(peer, "C-FIND", status)
    return answers


def move_study(peer: Peer, study_uid: str, *, renew: Renew = _nothing) -> Came:
    """Have the PACS send an exam to our own listener (C-MOVE); our title there is the one that we ask by.

    Raises
    ------
    DestinationUnknown
        The PACS cannot find us.
    NotAllCame
        Some images failed.
    """
    model = UID(MOVE)
    with _association(peer, [build_context(model)]) as association:
        answers = association.send_c_move(_exam(study_uid), peer.own_title, model)
        return _suboperations(peer, "C-MOVE", answers, renew)


def get_study(peer: Peer, study_uid: str, keep: Keep, *, renew: Renew = _nothing) -> Came:
    """Bring an exam over the association that asks for it (C-GET): CTs, segmentations and reports."""
    model = UID(GET)
    # One context for each pair: of several syntaxes in one, the PACS would choose one and unpack what it stores packed.
    pairs = [build_context(kind, str(syntax)) for kind in WANTED_CLASSES for syntax in READABLE]
    contexts = [build_context(model), *pairs]
    roles = [build_role(kind, scp_role=True) for kind in WANTED_CLASSES]

    def store(event: evt.Event) -> int:
        keep(event.encoded_dataset())
        return 0x0000

    with _association(peer, contexts, roles=roles, handlers=[(evt.EVT_C_STORE, store)]) as association:
        return _suboperations(peer, "C-GET", association.send_c_get(_exam(study_uid), model), renew)


def _exam(study_uid: str) -> Dataset:
    asked = Dataset()
    asked.QueryRetrieveLevel = "STUDY"
    asked.StudyInstanceUID = study_uid
    return asked


def _suboperations(peer: Peer, service: str, answers: Iterator[tuple[Dataset, Dataset | None]], renew: Renew) -> Came:
    completed = failed = 0
    for status, _answer in answers:
        code = _status(peer, status)
        completed = status.get("NumberOfCompletedSuboperations", completed) or 0
        failed = status.get("NumberOfFailedSuboperations", failed) or 0
        renew()
        if code in PENDING:
            continue
        if code == MOVE_DESTINATION_UNKNOWN:
            raise DestinationUnknown(host=peer.host, own=peer.own_title)
        if failed or code == WARNING_SUBOPERATIONS:
            raise NotAllCame(host=peer.host, completed=completed, failed=failed)
        _require_success(peer, service, status)
    return Came(completed)


def store_files(peer: Peer, paths: Sequence[Path], *, renew: Renew = _nothing) -> None:
    """Send DICOM files as they lie (C-STORE); sending them again does no harm, for their UIDs are the same.

    Raises
    ------
    NotTaken
        Some were turned down; the others are there.
    """
    turned_down: list[str] = []
    with _association(peer, _contexts_of(paths)) as association:
        for path in paths:
            try:
                status = _status(peer, association.send_c_store(path))
            except ValueError as problem:  # no presentation context was accepted for it
                raise NotOffered(host=peer.host, service=_kind_of(path).name) from problem
            if status not in (0x0000, 0xB000, 0xB006, 0xB007):
                turned_down.append(f"0x{status:04X}")
            renew()
    if turned_down:
        raise NotTaken(host=peer.host, failed=len(turned_down), count=len(paths), status=turned_down[0])


def _contexts_of(paths: Sequence[Path]) -> list[PresentationContext]:
    """One context for each kind of object in the syntax in which it lies: nothing is packed or unpacked on the way."""
    pairs: dict[tuple[str, str], None] = {}
    for path in paths:
        meta = read_file_meta_info(path)
        pairs[str(meta.MediaStorageSOPClassUID), str(meta.TransferSyntaxUID)] = None
    return [build_context(kind, syntax) for kind, syntax in pairs]


def _kind_of(path: Path) -> UID:
    return UID(str(read_file_meta_info(path).MediaStorageSOPClassUID))


def _status(peer: Peer, status: Dataset) -> int:
    """Give the status of an answer; an empty one is pynetdicom's word for silence."""
    code = status.get("Status")
    if code is None:
        raise NoAnswer(host=peer.host, seconds=peer.timeout_s)
    return int(code)


def _require_success(peer: Peer, service: str, status: Dataset) -> None:
    if code := _status(peer, status):
        raise QuestionFailed(host=peer.host, service=service, status=f"0x{code:04X}")


@contextlib.contextmanager
def _association(
    peer: Peer,
    contexts: list[PresentationContext],
    *,
    roles: Sequence[SCP_SCU_RoleSelectionNegotiation] = (),
    handlers: Sequence[EventHandlerType] = (),
) -> Iterator[Association]:
    entity = AE(ae_title=peer.own_title)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = peer.timeout_s
    entity.connection_timeout = min(CONNECT_WITHIN_S, peer.timeout_s)
    tls = (_asking(peer), peer.host) if peer.tls is not None else None
    try:
        association = entity.associate(
            peer.host,
            peer.port,
            contexts,
            peer.title,
            MAX_PDU_BYTES,
            ext_neg=list(roles),
            tls_args=tls,
            evt_handlers=list(handlers),
        )
    except socket.gaierror as problem:
        raise UnknownHost(host=peer.host) from problem
    if not association.is_established:
        raise _why_not(peer, association)
    try:
        yield association
    except BaseException:
        association.abort()
        raise
    association.release()


def _asking(peer: Peer) -> ssl.SSLContext:
    if peer.tls is None:
        raise ValueError("this peer is spoken to in the clear")
    try:
        return peer.tls.for_asking()
    except OSError as problem:  # a certificate that is not there, or does not fit its key
        raise TlsFailed(host=peer.host, reason=problem.strerror or str(problem)) from problem


def _why_not(peer: Peer, association: Association) -> NetworkRefused:
    """Say why no association came about: by the answer of the PACS, or by looking at the way to it once more."""
    answer = association.acceptor.primitive
    if association.is_rejected and answer is not None:
        why = (answer.result_source, answer.diagnostic)
        if why == CALLING_TITLE_UNKNOWN:
            return WeAreUnknown(host=peer.host, own=peer.own_title)
        if why == CALLED_TITLE_UNKNOWN:
            return WrongCalledTitle(host=peer.host, title=peer.title)
        return AssociationRefused(host=peer.host, result=answer.result, reason="/".join(map(str, why)))
    if association.rejected_contexts:
        kind = association.rejected_contexts[0].abstract_syntax
        return NotOffered(host=peer.host, service=UID(str(kind)).name)
    return _look_at_the_way(peer)


def _look_at_the_way(peer: Peer) -> NetworkRefused:
    within_s = min(CONNECT_WITHIN_S, peer.timeout_s)
    try:
        with socket.create_connection((peer.host, peer.port), within_s) as plain:
            if peer.tls is not None:
                _asking(peer).wrap_socket(plain, server_hostname=peer.host).close()
    except ConnectionRefusedError:
        return NothingListens(host=peer.host, port=peer.port)
    except TimeoutError:
        return NoAnswer(host=peer.host, seconds=within_s)
    except ssl.SSLError as problem:
        return TlsFailed(host=peer.host, reason=problem.reason or str(problem))
    except TlsFailed as failed:
        return failed
    except OSError as problem:  # no route, or hung up during the handshake
        reason = problem.strerror or str(problem)
        return TlsFailed(host=peer.host, reason=reason) if peer.tls is not None else BrokenOff(host=peer.host)
    return BrokenOff(host=peer.host)
