"""The files in deploy/: what they name is there, and as far as the tools are here, they accept them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from agent.config.config import load_config
from tests.certificates import certificate_for

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"


def _options_of_serve() -> set[str]:
    import typer

    from agent.command_line import app

    command = typer.main.get_command(app).commands["serve"]  # type: ignore[attr-defined]
    return {name for parameter in command.params for name in parameter.opts}


def _files() -> Iterator[tuple[str, str]]:
    for path in sorted(DEPLOY.iterdir()):
        if path.is_file():
            yield path.name, path.read_text(encoding="utf-8")


def test_every_option_that_is_named_is_one_of_serve() -> None:
    known = _options_of_serve()
    for name, text in _files():
        for line in re.findall(r"visavis serve ([^\n`]*)|command: \[\"serve\", ([^\n]*)\]", text):
            used = set(re.findall(r"(?<![\w-])--[a-z-]+", " ".join(line)))
            assert used <= known, (name, used - known)


def test_every_setting_that_is_named_is_one(tmp_path: Path) -> None:
    settings = load_config(None, [], {}).web
    for name, text in _files():
        for setting in re.findall(r"\bweb\.([a-z_]+)\b", text):
            assert hasattr(settings, setting), (name, setting)


def test_files_that_readme_names_are_there() -> None:
    for name in re.findall(r"\]\(([^)#]+)\)", (DEPLOY / "README.md").read_text()):
        assert (DEPLOY / name).exists(), name


# ---- the container


def _instructions() -> list[tuple[str, str]]:
    text = (DEPLOY / "Dockerfile").read_text()
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#")).replace("\\\n", " ")
    return [(line.split()[0], line.partition(" ")[2].strip()) for line in lines.splitlines() if line.strip()]


def test_dockerfile_has_what_a_dockerfile_has() -> None:
    names = [name for name, _ in _instructions()]
    known = "FROM ARG RUN WORKDIR COPY ENV USER VOLUME HEALTHCHECK STOPSIGNAL ENTRYPOINT CMD".split()
    assert set(names) <= set(known)
    assert names[0] == "FROM" and names.index("USER") < names.index("ENTRYPOINT")
    assert {"GPU", "TORCH_INDEX"} <= {value.partition("=")[0] for name, value in _instructions() if name == "ARG"}


def test_dockerfile_calls_targets_that_the_makefile_has() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    called = {
        target for name, value in _instructions() if name == "RUN" for target in re.findall(r"\bmake ([a-z]+)", value)
    }
    called -= {"&&"}
    assert called == {"install", "recommended"} and called <= targets


def test_the_container_is_given_all_that_the_install_needs() -> None:
    left_out = [line.strip("/") for line in (DEPLOY / "Dockerfile.dockerignore").read_text().split()]
    rule = re.search(r"^\$\(READY\): (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert rule is not None
    needed = [*rule[1].split(), "Makefile", "README.md", "LICENSE", "setup.py", "config.toml", "deploy/healthy.py"]
    for path in needed:
        assert (ROOT / path).is_file(), path
        assert not any(path == pattern or path.startswith(f"{pattern}/") for pattern in left_out), path


def test_the_container_and_its_shell_lines_are_sound(tmp_path: Path) -> None:
    for name, value in _instructions():
        if name == "RUN":
            subprocess.run(["sh", "-n", "-c", value], check=True)
    for name, value in _instructions():
        for path in re.findall(r"/opt/visavis/(\S+?\.py)", value) if name in ("CMD", "HEALTHCHECK") else []:
            assert (ROOT / path).is_file()


def _compose() -> dict[str, object]:
    import yaml

    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())  # type: ignore[no-any-return]


def test_compose_mounts_and_builds_what_is_there() -> None:
    services = _compose()["services"]
    assert isinstance(services, dict)
    build = services["visavis"]["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).resolve() == (DEPLOY / "Dockerfile").resolve()
    arguments = {value.partition("=")[0] for name, value in _instructions() if name == "ARG"}
    assert set(build["args"]) <= arguments
    volumes = _compose()["volumes"]
    assert isinstance(volumes, dict)
    for service in services.values():
        for volume in service["volumes"]:
            source = volume.partition(":")[0]
            assert source in volumes or (DEPLOY / source).exists(), volume
    kept = next(value for name, value in _instructions() if name == "VOLUME")
    assert f"kept:{kept}" in services["visavis"]["volumes"]


@contextmanager
def _answering(status: int) -> Iterator[int]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/api/ready" else 404)
            self.end_headers()

        def log_message(self, format: str, *values: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            serving.join()


@pytest.mark.parametrize(("status", "expected"), [(200, 0), (503, 1)])
def test_the_health_check_asks_the_server(status: int, expected: int) -> None:
    with _answering(status) as port:
        done = subprocess.run(
            [sys.executable, DEPLOY / "healthy.py"],
            env={**os.environ, "VISAVIS_WEB__PORT": str(port)},
            capture_output=True,
        )
    assert done.returncode == expected, done.stderr


def test_the_health_check_fails_where_nobody_answers() -> None:
    environ = {**os.environ, "VISAVIS_WEB__PORT": "1"}
    done = subprocess.run([sys.executable, DEPLOY / "healthy.py"], env=environ, capture_output=True)
    assert done.returncode == 1


# ---- systemd


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize(("unit", "scope"), [("visavis.service", "--system"), ("visavis-kiosk.service", "--user")])
def test_systemd_accepts_the_unit(unit: str, scope: str, tmp_path: Path) -> None:
    text = (DEPLOY / unit).read_text()
    program = "/opt/visavis/.venv/bin/visavis"
    assert program in text
    (tmp_path / unit).write_text(text.replace(program, "/bin/true"))
    command = ["systemd-analyze", "verify", "--man=no", scope, str(tmp_path / unit)]
    environ = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    done = subprocess.run(command, env=environ, capture_output=True, text=True)
    told = [line for line in done.stderr.splitlines() if unit in line or "Unknown" in line]
    assert not told, done.stderr
    assert done.returncode == 0, done.stderr


def test_the_unit_leaves_time_for_the_sentence() -> None:
    web = pytest.importorskip("agent.web.server")
    stop_s = re.search(r"TimeoutStopSec=(\d+)", (DEPLOY / "visavis.service").read_text())
    assert stop_s is not None and int(stop_s[1]) > web.FAREWELL_S + web.CLOSING_S + 10
    grace_s = re.search(r"stop_grace_period: (\d+)s", (DEPLOY / "compose.yaml").read_text())
    assert grace_s is not None and int(grace_s[1]) > web.FAREWELL_S + web.CLOSING_S + 5


# ---- proxies


@pytest.mark.skipif(shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") is None, reason="needs nginx")
def test_nginx_accepts_its_file(tmp_path: Path) -> None:
    certificate, key = certificate_for(tmp_path, "avatar.example")
    text = (DEPLOY / "nginx.conf").read_text()
    text = re.sub(r"/etc/\S+fullchain.pem", str(certificate), text)
    text = re.sub(r"/etc/\S+privkey.pem", str(key), text)
    whole = f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{\n{text}\n}}\n"
    (tmp_path / "nginx.conf").write_text(whole)
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    assert nginx is not None
    command = [nginx, "-t", "-p", str(tmp_path), "-c", "nginx.conf", "-e", "stderr"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_proxies_go_where_the_server_listens() -> None:
    web = load_config(None, [], {}).web
    for name in ("Caddyfile", "nginx.conf"):
        assert f"{web.host}:{web.port}" in (DEPLOY / name).read_text()


def test_proxies_let_a_portrait_through() -> None:
    web = load_config(None, [], {}).web
    for name, pattern in (("Caddyfile", r"max_size (\d+)MB"), ("nginx.conf", r"client_max_body_size (\d+)m")):
        found = re.search(pattern, (DEPLOY / name).read_text())
        assert found is not None and int(found[1]) > web.upload_mb


def test_the_caddyfile_is_balanced() -> None:
    text = re.sub(r"#.*", "", (DEPLOY / "Caddyfile").read_text())
    text = re.sub(r"\{\$\w+\}", "name", text)
    depth = 0
    for letter in text:
        depth += {"{": 1, "}": -1}.get(letter, 0)
        assert depth in (0, 1, 2)
    assert depth == 0
