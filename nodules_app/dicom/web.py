"""Asking a PACS by DICOMweb (PS3.18): QIDO-RS, WADO-RS and STOW-RS, with the same words as by DIMSE."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from dicomweb_client import DICOMwebClient
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset

from nodules_app.dicom.network import TlsFiles
from nodules_app.dicom.network_ask import MOST_ANSWERS, Came, Keep, Renew
from nodules_app.dicom.network_errors import (
    BrokenOff,
    NetworkRefused,
    NoAnswer,
    NoServiceThere,
    NotAllCame,
    NothingListens,
    NotTaken,
    SignInFailed,
    TlsFailed,
    UnknownHost,
    WebFailed,
)
from nodules_app.dicom.network_found import SERIES_KEYS, STUDY_KEYS, FoundSeries, FoundStudy, series_of, study_of

ATTEMPTS: Final = 3  # of one request, where the server asks for patience (408, 429, 503, 504)
FIRST_PAUSE_MS: Final = 500  # doubled after each
AS_STORED: Final = (("application/dicom", "*"),)
SENT_AT_ONCE: Final = 20  # objects in one STOW request


@dataclass(frozen=True, slots=True)
class WebPeer:
    """A PACS that is spoken to by DICOMweb; ``secret`` is the password, or without a user name a bearer token."""

    url: str
    user: str = ""
    secret: str = field(default="", repr=False)
    tls: TlsFiles | None = None
    timeout_s: float = 30.0

    @property
    def host(self) -> str:
        """What a sentence calls it: neither user nor password of an address that carries them."""
        parts = urlsplit(self.url)
        try:
            port = f":{parts.port}" if parts.port else ""
        except ValueError:
            port = ""
        return f"{parts.hostname or self.url}{port}"


def look(peer: WebPeer) -> None:
    """Ask for one exam, whichever: whether a DICOMweb service is there and lets us in."""
    with _asking(peer) as client:
        client.search_for_studies(limit=1)


def find_studies(peer: WebPeer, patient_id: str) -> tuple[FoundStudy, ...]:
    """Ask for the exams under a patient's number; the PACS may answer with more, so that the caller has to compare."""
    with _asking(peer) as client:
        rows = client.search_for_studies(
            limit=MOST_ANSWERS, fields=list(STUDY_KEYS), search_filters={"PatientID": patient_id}
        )
    found = (study_of(answer) for answer in map(_dataset, rows))
    return tuple(study for study in found if study is not None)


def find_series(peer: WebPeer, study_uid: str) -> tuple[FoundSeries, ...]:
    """Ask for the series of an exam."""
    with _asking(peer) as client:
        rows = client.search_for_series(study_uid, limit=MOST_ANSWERS, fields=list(SERIES_KEYS))
    found = (series_of(answer) for answer in map(_dataset, rows))
    return tuple(series for series in found if series is not None)


def retrieve_study(peer: WebPeer, study_uid: str, keep: Keep, *, renew: Renew) -> Came:
    """Bring an exam (WADO-RS) in the transfer syntax in which each image is stored."""
    came = 0
    with _asking(peer) as client:
        for dataset in client.iter_study(study_uid, media_types=AS_STORED):
            keep(_as_file(dataset))
            came += 1
            renew()
    if not came:
        raise NotAllCame(host=peer.host, completed=0, failed="?")
    return Came(came)


def store_files(peer: WebPeer, paths: Sequence[Path], *, renew: Renew) -> None:
    """Send DICOM files (STOW-RS); sending them again does no harm, for their UIDs are the same.

    Raises
    ------
    NotTaken
        Some were turned down; the others are there.
    """
    failed: list[str] = []
    with _asking(peer) as client:
        for first in range(0, len(paths), SENT_AT_ONCE):
            some = paths[first : first + SENT_AT_ONCE]
            answer = client.store_instances([dcmread(path) for path in some])
            failed += [f"0x{int(one.FailureReason):04X}" for one in answer.get("FailedSOPSequence", [])]
            renew()
    if failed:
        raise NotTaken(host=peer.host, failed=len(failed), count=len(paths), status=failed[0])


def _as_file(dataset: Dataset) -> bytes:
    written = io.BytesIO()
    dcmwrite(written, dataset, enforce_file_format=True)
    return written.getvalue()


def _dataset(row: dict[str, Any]) -> Dataset:
    """Give one answer of QIDO-RS as a data set; what the server wrote against the JSON model counts as silence."""
    try:
        return Dataset.from_json(row)
    except (ValueError, TypeError, KeyError, AttributeError):
        return Dataset()


@contextlib.contextmanager
def _asking(peer: WebPeer) -> Iterator[DICOMwebClient]:
    """A client whose failures are said in our words."""
    session = requests.Session()
    session.trust_env = False  # neither proxies nor passwords from the environment of this process
    if peer.user:
        session.auth = (peer.user, peer.secret)
    elif peer.secret:
        session.headers["Authorization"] = f"Bearer {peer.secret}"
    if peer.tls is not None and peer.tls.authorities is not None:
        session.verify = str(peer.tls.authorities)
    if peer.tls is not None and peer.tls.certificate is not None:
        session.cert = (str(peer.tls.certificate), str(peer.tls.key)) if peer.tls.key else str(peer.tls.certificate)
    with session:
        client = DICOMwebClient(peer.url.rstrip("/"), session=session, timeout=(10.0, peer.timeout_s))
        client.set_http_retry_params(max_attempts=ATTEMPTS, wait_exponential_multiplier=FIRST_PAUSE_MS)
        try:
            yield client
        except requests.HTTPError as problem:
            raise _of_status(peer, problem) from problem
        except requests.RequestException as problem:
            raise _of_the_way(peer, problem) from problem
        except (ValueError, json.JSONDecodeError) as problem:  # an answer that is no DICOM JSON and no multipart
            raise NoServiceThere(host=peer.host, status=HTTPStatus.OK) from problem


def _of_status(peer: WebPeer, problem: requests.HTTPError) -> NetworkRefused:
    status = problem.response.status_code if problem.response is not None else 0
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return SignInFailed(host=peer.host, status=status)
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
        return NoServiceThere(host=peer.host, status=status)
    return WebFailed(host=peer.host, status=status)


def _of_the_way(peer: WebPeer, problem: requests.RequestException) -> NetworkRefused:
    """Say what lies between us and the server; the words of the operating system stand at the end of the chain."""
    causes = _chain(problem)
    if isinstance(problem, requests.exceptions.SSLError):
        return TlsFailed(host=peer.host, reason=getattr(causes[-1], "reason", None) or type(causes[-1]).__name__)
    if isinstance(problem, requests.Timeout):
        return NoAnswer(host=peer.host, seconds=peer.timeout_s)
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return NothingListens(host=peer.host.partition(":")[0], port=urlsplit(peer.url).port or "-")
    if any("NameResolution" in type(cause).__name__ for cause in causes):
        return UnknownHost(host=peer.host)
    return BrokenOff(host=peer.host)


def _chain(problem: BaseException) -> list[BaseException]:
    """A failure with all that led to it: requests packs them into arguments, urllib3 into reasons."""
    causes: list[BaseException] = [problem]
    while (more := _led_to(causes[-1])) is not None and more not in causes:
        causes.append(more)
    return causes


def _led_to(problem: BaseException) -> BaseException | None:
    named = [getattr(problem, "reason", None), *problem.args, problem.__cause__]
    return next((one for one in named if isinstance(one, BaseException)), None)
