"""Real DICOM peers for tests, started on free ports of this machine: Orthanc with DICOMweb, and dcmtk's tools.

Where a program is not installed the test that asks for it is skipped, with the name of the package that has it.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import requests

DICOMWEB_PLUGINS: Final = (
    Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so"),
    Path("/usr/local/share/orthanc/plugins/libOrthancDicomWeb.so"),
)
USER, PASSWORD = "tester", "a password of the test"
STARTS_WITHIN_S: Final = 20.0
ENDS_WITHIN_S: Final = 10.0
TOOL_LASTS_S: Final = 120.0


def program(name: str, package: str) -> str:
    """The path of a program, or skip the calling test with the package that would bring it."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed (Debian package {package})")
    return found


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


@contextlib.contextmanager
def running(command: Sequence[str], ports: Sequence[int], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the block ends; it is up when it answers on its ports."""
    with log.open("wb") as told:
        process = subprocess.Popen(command, stdout=told, stderr=subprocess.STDOUT)
    try:
        for port in ports:
            _await(port, process, log)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"{process.args!r} does not answer on {port}:\n{log.read_text(errors='replace')[-2000:]}")


@dataclass(frozen=True, slots=True)
class Orthanc:
    """A running Orthanc: a PACS by DIMSE, and by DICOMweb where ``has_dicomweb``."""

    title: str
    dicom_port: int
    http_port: int
    has_dicomweb: bool
    log: Path

    @property
    def dicomweb(self) -> str:
        """The address of its DICOMweb service; skips the calling test where the plugin is not installed."""
        if not self.has_dicomweb:
            pytest.skip("Orthanc has no DICOMweb plugin here (Debian package orthanc-dicomweb)")
        return f"http://127.0.0.1:{self.http_port}/dicom-web"

    def rest(self, method: str, path: str, **sent: Any) -> Any:  # noqa: ANN401 JSON
        """Ask Orthanc's own interface."""
        url = f"http://127.0.0.1:{self.http_port}{path}"
        answer = requests.request(method, url, auth=(USER, PASSWORD), timeout=60, **sent)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def upload(self, paths: Sequence[Path]) -> None:
        """Put files in by its own interface, so that a test of our sending does not need our sending."""
        for path in paths:
            self.rest("POST", "/instances", data=path.read_bytes(), headers={"Content-Type": "application/dicom"})

    def know(self, title: str, port: int, host: str = "127.0.0.1") -> None:
        """Tell it where an application entity listens, so that it can move exams there."""
        self.rest("PUT", f"/modalities/{title.lower()}", json={"AET": title, "Host": host, "Port": port})

    def instances(self) -> list[str]:
        """Its own names of all that it holds."""
        return list(self.rest("GET", "/instances"))

    def sop_uids(self) -> set[str]:
        """The SOP instance UIDs of all that it holds."""
        return {row["MainDicomTags"]["SOPInstanceUID"] for row in self.rest("GET", "/instances?expand")}

    def file(self, instance: str) -> bytes:
        """One instance by its own name, as stored."""
        url = f"http://127.0.0.1:{self.http_port}/instances/{instance}/file"
        answer = requests.get(url, auth=(USER, PASSWORD), timeout=60)
        answer.raise_for_status()
        return answer.content

    def empty(self) -> None:
        """Forget everything, for the next test."""
        for patient in self.rest("GET", "/patients"):
            self.rest("DELETE", f"/patients/{patient}")


@contextlib.contextmanager
def orthanc(folder: Path, *, title: str = "ORTHANC", more: Mapping[str, object] | None = None) -> Iterator[Orthanc]:
    """Run an Orthanc that keeps its things in a folder of the test; skips where it is not installed."""
    binary = program("Orthanc", "orthanc")
    folder.mkdir(parents=True, exist_ok=True)
    plugin = next((path for path in DICOMWEB_PLUGINS if path.exists()), None)
    dicom_port, http_port = free_port(), free_port()
    configuration = {
        "Name": title,
        "DefaultEncoding": "Utf8",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "TemporaryDirectory": str(folder),
        "Plugins": [str(plugin)] if plugin else [],
        "HttpPort": http_port,
        "HttpDescribeErrors": True,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {USER: PASSWORD},
        "DicomServerEnabled": True,
        "DicomAet": title,
        "DicomPort": dicom_port,
        "DicomCheckCalledAet": True,
        "DicomAlwaysAllowEcho": True,
        "DicomAlwaysAllowStore": True,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowGet": True,
        "DicomAlwaysAllowMove": True,
        "DicomModalities": {},
        "DicomModalitiesInDatabase": True,
        "ConcurrentJobs": 2,
        "DicomThreadsCount": 4,
        "StableAge": 1,
        **(more or {}),
    }
    written = folder / "orthanc.json"
    written.write_text(json.dumps(configuration), "utf-8")
    log = folder / "orthanc.log"
    with running([binary, str(written)], [http_port, dicom_port], log):
        yield Orthanc(title, dicom_port, http_port, plugin is not None, log)


@dataclass(frozen=True, slots=True)
class Archive:
    """A running dcmqrscp, dcmtk's archive."""

    title: str
    port: int
    log: Path


@contextlib.contextmanager
def dcmqrscp(folder: Path, *, knows: Mapping[str, int] | None = None, title: str = "DCMTK") -> Iterator[Archive]:
    """Run dcmtk's archive; ``knows`` are the titles and ports on this machine to which it may move exams."""
    binary = program("dcmqrscp", "dcmtk")
    (folder / "db").mkdir(parents=True, exist_ok=True)
    hosts = "".join(f"peer{n} = ({aet}, localhost, {port})\n" for n, (aet, port) in enumerate((knows or {}).items()))
    port = free_port()
    configuration = (
        f"NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 16\n"
        f"HostTable BEGIN\n{hosts}HostTable END\n"
        "VendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\n{title} {folder / 'db'} RW (200, 1024mb) ANY\nAETable END\n"
    )
    written = folder / "dcmqrscp.cfg"
    written.write_text(configuration, "ascii")
    log = folder / "dcmqrscp.log"
    with running([binary, "--log-level", "info", "--config", str(written)], [port], log):
        yield Archive(title, port, log)


def dcmtk(tool: str, *arguments: str | Path | int) -> subprocess.CompletedProcess[str]:
    """Run one of dcmtk's tools to its end; what it said stands in ``stdout``."""
    command = [program(tool, "dcmtk"), *map(str, arguments)]
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TOOL_LASTS_S, check=False
    )
