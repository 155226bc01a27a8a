"""Ten senders at once, ten thousand instances: is anything lost or doubled, and how long does it take?

The peer is dcmtk's ``storescp``, which writes files and promises nothing about a power cut; ours synchronises each.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from ipaddress import ip_network
from pathlib import Path
from typing import Final

from nodules_app.dicom.network_listen import Caller, Limits, Listener
from nodules_app.dicom.network_shelf import Shelf
from tests import peers
from tests.unit.dicom.made import as_bytes, ct, uid

SENDERS: Final = 10
EACH: Final = 1000
CALLER: Final = Caller("5c6a2a4e-0000-4000-8000-000000000001", "SCANNER", (ip_network("127.0.0.0/8"),))


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        sent = write(root / "exams")
        size_kib = sum(path.stat().st_size for path in root.rglob("*.dcm")) >> 10
        say(f"receiving: {len(sent)} instances, {size_kib} KiB in all, {SENDERS} senders at once")
        ours_s = ours(root, sent)
        theirs_s = theirs(root, len(sent))
        say(f"  ours / storescp: {ours_s / theirs_s:.2f}")


def write(root: Path) -> set[str]:
    """Instances that differ in their UIDs only, a folder for each sender; gives the UIDs."""
    model = as_bytes(ct(0, SOPInstanceUID="1.2.3.0000000", StudyInstanceUID="1.2.4.0000"))
    if uid("study").encode() in model:
        raise RuntimeError("the model kept a UID of its own")
    uids: set[str] = set()
    for sender in range(SENDERS):
        folder = root / str(sender)
        folder.mkdir(parents=True)
        for number in range(EACH):
            name = f"1.2.3.{1_000_000 + sender * EACH + number:07d}"
            content = model.replace(b"1.2.3.0000000", name.encode())
            (folder / f"{number}.dcm").write_bytes(content.replace(b"1.2.4.0000", f"1.2.4.{1000 + sender}".encode()))
            uids.add(name)
    return uids


def ours(root: Path, sent: set[str]) -> float:
    shelf = Shelf(root / "shelf", reserve_bytes=0)
    listener = Listener(
        title="NODULES", address=("127.0.0.1", 0), callers=lambda: (CALLER,), shelf=shelf, limits=Limits()
    )
    listener.start()
    cpu_s, wall_s = send_all(root, listener.port)
    listener.stop()
    kept = [path.stem for parcel in shelf.parcels() for path in parcel.files.iterdir()]
    lost, doubled, strange = len(sent - set(kept)), len(kept) - len(set(kept)), len(set(kept) - sent)
    say(f"  ours: {wall_s:.1f} s wall, {cpu_s:.1f} s CPU, {len(kept) / wall_s:.0f} instances/s")
    say(f"  lost {lost}, doubled {doubled}, strange {strange}, parcels {len(shelf.parcels())}")
    if lost or doubled or strange:
        sys.exit("something was lost or doubled")
    return wall_s


def theirs(root: Path, count: int) -> float:
    goal, port = root / "storescp", peers.free_port()
    goal.mkdir()
    command = [peers.program("storescp", "dcmtk"), "--fork", "-od", str(goal), str(port)]
    with peers.running(command, [port], root / "storescp.log"):
        _, wall_s = send_all(root, port)
    kept = sum(1 for path in goal.iterdir())
    say(f"  storescp: {wall_s:.1f} s wall, kept {kept} of {count}")
    return wall_s


def send_all(root: Path, port: int) -> tuple[float, float]:
    """Send everything at once; CPU seconds of this process, wall seconds until the last sender has its answer."""
    tool = peers.program("storescu", "dcmtk")
    began_s, cpu_s = time.perf_counter(), own_cpu_s()
    command = [tool, "-aet", "SCANNER", "-aec", "NODULES", "+sd", "127.0.0.1", str(port)]
    senders = [subprocess.Popen([*command, str(root / "exams" / str(number))]) for number in range(SENDERS)]
    if failed := sum(sender.wait() != 0 for sender in senders):
        sys.exit(f"{failed} senders were refused")
    return own_cpu_s() - cpu_s, time.perf_counter() - began_s


def own_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    say(f"load before: {os.getloadavg()[0]:.1f}")
    main()
