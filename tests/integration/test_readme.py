"""The README tells the truth: its commands run, its configurations load, its links lead somewhere.

The commands are read out of README.md: a new one needs a way to run it in WAYS, or it fails here.
Its port 8080 becomes a free one, and its backend at port 9000 a scripted one.
"""

import json
import re
import shlex
import socket
import subprocess
import sys

import pytest

from harness.binary import SOURCE_ROOT, holdfast_binary, sanitized
from harness.client import fetch
from harness.container import Image, Pod
from harness.holdfast import Holdfast, bare_environment
from harness.namespace import need_root, run
from harness.scripts import keep_alive
from harness.servers import free_port
from harness.waiting import PATIENCE

README = (SOURCE_ROOT / "README.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
PROSE = FENCE.sub("", README)
SPAN = re.compile(r"`([^`\n]+)`")
OUR_PROGRAMS = ("./dev ", "holdfast ", "curl ", "python3 ")
SMALL_DEMO = {"--requests": "50", "--concurrency": "5", "--port": "0"}


def blocks(language: str) -> list[str]:
    return [text for found, text in FENCE.findall(README) if found == language]


def configurations() -> list[str]:
    """Those of holdfast, without the piece of a pod."""
    return [text for text in blocks("yaml") if "listeners:" in text]


def cells_of(first_heading: str) -> list[list[str]]:
    """The rows of the table whose first heading is this one."""
    table = re.search(rf"^\| {first_heading} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", README, re.M)
    assert table, f"README.md has no table of each '{first_heading}'"
    return [[cell.strip() for cell in row.strip("|").split(" | ")]
            for row in table[1].splitlines()]


def flags_of_the_table() -> list[str]:
    """Flags that stand alone: beside a command of the table, or behind it in its description."""
    found = []
    for command, text in cells_of("command"):
        spans = SPAN.findall(command)
        found += [f"holdfast {flag}" for flag in spans if flag.startswith("-")]
        found += [f"{spans[0]} {flag}" for flag in SPAN.findall(text) if flag.startswith("-")]
    return found


def commands() -> list[str]:
    """Each command of the README once, in its order."""
    lines = [line.split(" #")[0].strip() for block in blocks("sh") for line in block.splitlines()]
    spans = [span for span in SPAN.findall(PROSE) if span.startswith(OUR_PROGRAMS)]
    return list(dict.fromkeys([*filter(None, lines), *spans, *flags_of_the_table()]))


def commands_of_containers() -> list[str]:
    """Those of docker/README.md, without the eight minutes of a build by buildah."""
    text = (SOURCE_ROOT / "docker" / "README.md").read_text(encoding="utf-8")
    lines = [line.split(" #")[0].strip() for found, block in FENCE.findall(text)
             if found == "sh" and "buildah" not in block for line in block.splitlines()]
    assert len(lines) == 4
    return lines


def call(arguments, within: float = 3 * PATIENCE) -> subprocess.CompletedProcess:
    return subprocess.run(list(map(str, arguments)), capture_output=True, text=True,
                          timeout=within, check=False, stdin=subprocess.DEVNULL,
                          env=bare_environment())


def succeeds(arguments) -> str:
    """What it prints."""
    result = call(arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


def moved(text: str, backend) -> str:
    """The same with a free port to listen on, and with our backend."""
    return text.replace(":8080", ":0").replace("127.0.0.1:9000", backend.server)


def sample_file(stage, backend):
    """The file that the README calls holdfast.yaml: its first one."""
    path = stage.folder / "holdfast.yaml"
    path.write_text(moved(blocks("yaml")[0], backend), encoding="utf-8")
    return path


def start_demo(stage, options=()) -> tuple[Holdfast, str]:
    """The demo when it has shown its figures and goes on serving, and the address it tells."""
    wanted = {**SMALL_DEMO, **dict.fromkeys(options, None)}
    proxy = stage.run(["demo", *words(wanted)], listeners=0)
    told = re.search(r"http://127\.0\.0\.1:\d+/", proxy.wait_for_line(r"Try: +curl -i http://"))
    return proxy, told[0]


def words(options: dict) -> list[str]:
    return [word for name, value in options.items() for word in (name, value) if word is not None]


# The ways to run a command. Each is given the stage and the words of the command.

def known_to_dev(stage, command: list[str]) -> None:
    """./dev would build: it is only asked whether it knows the command, and which preset."""
    rows = re.findall(r"^  (\w+) +(.*)", succeeds([SOURCE_ROOT / "dev", "help"]), re.M)
    about = {name: line for name, line in rows}
    assert command[1] in about, f"./dev knows only {sorted(about)}"
    if command[1] == "run":  # It passes the rest on.
        run_demo(stage, ["holdfast", "demo", *command[2:]])
    else:
        assert all(word in about[command[1]] for word in command[2:]), about[command[1]]


def serve(stage, command: list[str]) -> None:
    backend = stage.backend(keep_alive())
    places = {"FILE": str(sample_file(stage, backend)), "ADDRESS": "127.0.0.1:0",
              "HOST:PORT": backend.server}
    places["holdfast.yaml"] = places["FILE"]
    proxy = stage.run([places.get(word, moved(word, backend)) for word in command[1:]])
    assert fetch(proxy.address, "/").text == "GET / 0 1.1\n"
    assert proxy.stop() == 0


def check_file(stage, command: list[str]) -> None:
    path = sample_file(stage, stage.backend(keep_alive()))
    arguments = [path if word in ("FILE", "holdfast.yaml") else word for word in command[1:]]
    if arguments in (["-t"], ["-T"]):  # Its file is named as for nginx.
        arguments += ["-c", path]
    result = call([holdfast_binary(), *arguments])
    assert result.returncode == 0 and "ok" in result.stdout + result.stderr


def show_config(stage, command: list[str]) -> None:
    path = sample_file(stage, stage.backend(keep_alive()))
    words = [path if word == "FILE" else word for word in command[1:]]
    if path not in words:
        words.append(path)
    assert "max_connections" in succeeds([holdfast_binary(), *words])


def print_schema(_, command: list[str]) -> None:
    assert json.loads(succeeds([holdfast_binary(), *command[1:]]))["title"]


def tell_version(_, command: list[str]) -> None:
    assert re.match(r"holdfast \d+\.\d+\.\d+\n", succeeds([holdfast_binary(), *command[1:]]))


def run_demo(stage, command: list[str]) -> None:
    options = command[2:]
    if not options:
        proxy, _ = start_demo(stage)
        proxy.send_signal(2)
        assert proxy.wait() == 0
        return
    wanted = {**SMALL_DEMO, "--once": None}
    wanted.update({name: SMALL_DEMO.get(name) for name in options})
    printed = succeeds([holdfast_binary(), "demo", *words(wanted)])
    if "--json" in options:
        json.loads(printed)
    else:
        assert "TIME_WAIT" in printed


def ask_the_doctor(stage, command: list[str]) -> None:
    """What it thinks of this machine is not known here; what can take a minute is cut short."""
    backend = stage.backend(keep_alive())
    places = {"FILE": sample_file(stage, backend), "HOST:PORT": backend.server,
              "127.0.0.1:9000": backend.server}
    places["holdfast.yaml"] = places["FILE"]
    arguments = [places.get(word, word) for word in command[1:]]
    result = call([holdfast_binary(), *arguments, "--limit", "500ms"])
    assert result.returncode in (0, 1, 3), result.stderr
    if "--json" in command:
        assert json.loads(result.stdout)["exit_code"] == result.returncode
    else:
        assert "This machine" in result.stdout


def check_health(stage, command: list[str]) -> None:
    """Of one that runs, configured by the environment alone."""
    place = f"127.0.0.1:{free_port()}"
    environment = {"HOLDFAST_LISTEN": "127.0.0.1:0", "HOLDFAST_STATUS_ADDRESS": place,
                   "HOLDFAST_UPSTREAM": stage.backend(keep_alive()).server}
    stage.run(["run"], env=environment)
    values = {"--address": [place], "--timeout": ["5s"]}
    options = [word for name in command[2:] for word in (name, *values.get(name, []))]
    result = subprocess.run([holdfast_binary(), "healthcheck", *options], capture_output=True, text=True,
                            env={**bare_environment(), **environment}, timeout=PATIENCE,
                            check=False)
    assert result.returncode == 0 and "'ok'" in result.stdout, result.stderr


def curl_the_demo(stage, command: list[str]) -> None:
    _, url = start_demo(stage)
    assert "http://127.0.0.1:8080/" in command, "the demo serves there"
    arguments = [url if word == "http://127.0.0.1:8080/" else word for word in command]
    assert succeeds(arguments).startswith("HTTP/1.1 200 ")


def curl_the_status(stage, command: list[str]) -> None:
    path = sample_file(stage, stage.backend(keep_alive()))
    proxy = stage.run(["run", "-c", path, "--set", "status.address=127.0.0.1:0"])
    told = re.search(r"status on http://([0-9.:]+)/", proxy.wait_for_line(r"status on http://"))
    url = command[-1].replace("127.0.0.1:8081", told[1])
    printed = succeeds(["curl", "-sS", "--fail", *command[1:-1], url])
    page = command[-1].rpartition("/")[2]
    assert {"readyz": "ok", "metrics": "holdfast_build_info", "status": '"schema"'}[page] in printed


def serve_in_front_of_python(stage, command: list[str]) -> None:
    """Its port 9000 becomes a free one."""
    words = [{"python3": sys.executable, "9000": "0"}.get(word, word) for word in command]
    with subprocess.Popen([words[0], "-u", *words[1:]], cwd=stage.folder, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True) as server:
        try:
            port = re.search(r" port (\d+) ", server.stdout.readline())[1]
            proxy = stage.run(["run", "--listen", "127.0.0.1:0",
                               "--upstream", f"127.0.0.1:{port}"])
            assert fetch(proxy.address, "/").status == 200
        finally:
            server.kill()


def build_an_image(_, command: list[str]) -> None:
    """No engine is here; test_dockerfile.py tells what the file is worth."""
    assert (SOURCE_ROOT / command[command.index("-f") + 1]).is_file() and command[-1] == "."


def run_a_container(stage, command: list[str]) -> None:
    """Its root file system, in a network of its own where the application asks."""
    need_root()
    if sanitized():
        pytest.skip("an image is made of what is shipped")
    told = [command[place + 1] for place, word in enumerate(command) if word == "-e"]
    environment = dict(word.split("=", 1) for word in told)
    pod = stage.adopt(Pod(Image(stage.folder / "image"), environment=environment))
    run("ip", "-n", pod.network.name, "addr", "add", "10.0.0.5/32", "dev", "lo")
    stage.backend(keep_alive(), address=("10.0.0.5", 80), make_socket=pod.network.socket)
    pod.start().wait_until_ready()
    host, _, port = environment["HOLDFAST_LISTEN"].rpartition(":")
    assert pod.fetch((host or "127.0.0.1", int(port)), "/").status == 200
    assert pod.healthcheck().returncode == 0


def start_compose(_, command: list[str]) -> None:
    succeeds(["docker-compose", "-f", SOURCE_ROOT / command[3], "config", "-q"])


def flood_networks(_, command: list[str]) -> None:
    need_root()
    result = subprocess.run([SOURCE_ROOT / command[1], "--seconds", "2"], capture_output=True,
                            text=True, timeout=3 * PATIENCE, check=False,
                            env={**bare_environment(), "HOLDFAST_BINARY": str(holdfast_binary())})
    assert result.returncode == 0 and "with a sidecar" in result.stdout, result.stderr


WAYS = [
    (r"\./dev (?:run|test|bench|build release)(?: --\w+)*", known_to_dev),
    (r"holdfast run --listen \S+ --upstream \S+", serve),
    (r"holdfast (?:run )?-c \S+(?: --set \S+)?", serve),
    (r"holdfast (?:check \S+|-[tT])", check_file),
    (r"holdfast config show(?: FILE)?(?: --\w+)*", show_config),
    (r"holdfast config schema", print_schema),
    (r"holdfast -[vV]", tell_version),
    (r"holdfast demo(?: --\w+)*", run_demo),
    (r"holdfast doctor(?: -c \S+| [\w.]+:\w+)?(?: --\w+(?: \d\w*)?)*", ask_the_doctor),
    (r"holdfast healthcheck(?: --\w+)?", check_health),
    (r"docker build -f \S+ -t holdfast:latest \.", build_an_image),
    (r"docker run .* holdfast:latest", run_a_container),
    (r"docker compose -f \S+ up --build", start_compose),
    (r"sudo docker/demo/netns", flood_networks),
    (r"curl -i http://\S+", curl_the_demo),
    (r"curl http://127\.0\.0\.1:8081/\S+", curl_the_status),
    (r"python3 -m http\.server --bind 127\.0\.0\.1 9000", serve_in_front_of_python),
]


def way_of(command: str):
    ways = [way for pattern, way in WAYS if re.fullmatch(pattern, command)]
    assert ways, f"README.md tells to run `{command}`, and no test does; add a way to WAYS"
    return ways[0]


@pytest.mark.parametrize("command", commands())
def test_a_command_of_the_readme_runs(stage, command):
    way_of(command)(stage, shlex.split(command))


@pytest.mark.parametrize("command", commands_of_containers())
def test_a_command_of_the_page_about_containers_runs(stage, command):
    way_of(command)(stage, shlex.split(command))


def test_a_command_that_nothing_runs_is_noticed():
    for command in ["holdfast fly", "./dev fly", "curl -k https://127.0.0.1/", "make install"]:
        with pytest.raises(AssertionError, match="WAYS"):
            way_of(command)


def test_commands_are_found_wherever_they_stand():
    found = commands()
    for command in ["./dev run", "holdfast run -c holdfast.yaml", "curl -i http://127.0.0.1:8080/",
                    "holdfast check FILE", "holdfast -t", "holdfast demo --once"]:
        assert command in found
    assert {language for language, _ in FENCE.findall(README)} <= {"sh", "yaml", ""}


def test_the_table_of_commands_knows_every_subcommand(binary):
    told = re.search(r"^Subcommands:\n((?:  .*\n)+)", succeeds([binary, "--help"]), re.M)
    subcommands = re.findall(r"^  (\w+)", told[1], re.M)
    missing = [name for name in subcommands
               if not any(command.startswith(f"`holdfast {name}") for command, _ in
                          cells_of("command"))]
    assert subcommands and not missing


def test_the_members_of_the_doctors_json_are_there(stage):
    backend = stage.backend(keep_alive())
    diagnosis = json.loads(call([holdfast_binary(), "doctor", backend.server, "--fast",
                                 "--json"]).stdout)
    rows = {cells[0]: [name for name in SPAN.findall(cells[1]) if name.isidentifier()]
            for cells in cells_of("member")}
    assert rows["`machine`"] and rows["`backends[]`"]
    machine = {**diagnosis["machine"], "from": 0, "to": 0, "open": 0}
    assert not [name for name in rows["`machine`"] if name not in machine]
    assert not [name for name in rows["`backends[]`"] if name not in diagnosis["backends"][0]]
    for cell in rows:
        for name in SPAN.findall(cell):
            assert name.partition("[")[0] in diagnosis


def keys_in(cell: str) -> list[str]:
    """Those it names, in full: below upstreams.NAME unless it says where."""
    elsewhere = r"listeners\.|upstreams\.|access_log\.|log\.|status\.|workers\Z"
    return [key if re.match(elsewhere, key) else f"upstreams.NAME.{key}"
            for key in SPAN.findall(cell)]


@pytest.mark.parametrize("row", cells_of("nginx"), ids=lambda row: row[0])
def test_a_word_of_nginx_leads_to_keys_that_exist(row):
    told = (SOURCE_ROOT / "conf" / "README.md").read_text(encoding="utf-8")
    assert SPAN.findall(row[0])
    assert not [key for key in keys_in(row[1]) if f"| `{key}` |" not in told]


def places_for(word: str) -> list[dict]:
    """A configuration for each place where somebody may write this word."""
    def tree(top=None, listener=None, upstream=None):
        return {"listeners": {"web": {"address": ":8080", "upstream": "app", **(listener or {})}},
                "upstreams": {"app": {"servers": ["127.0.0.1:9000"], **(upstream or {})}},
                **(top or {})}
    return [tree(top={word: 1}), tree(listener={word: 1}), tree(upstream={word: 1}),
            tree(upstream={"pool": {word: 1}})]


@pytest.mark.parametrize("word, keys", [
    (word, keys_in(row[1])) for row in cells_of("nginx") for word in SPAN.findall(row[0])
    if keys_in(row[1]) and " " not in word])
def test_the_error_for_a_word_of_nginx_names_the_key(binary, tmp_path, word, keys):
    offered = []
    for number, tree in enumerate(places_for(word)):
        path = tmp_path / f"{number}.yaml"
        path.write_text(json.dumps(tree), encoding="utf-8")
        result = call([binary, "check", path])
        offered += re.findall(r"(?:calls it|did you mean) '([^']+)'", result.stderr)
        offered += [word] * (f"unknown key '{word}'" not in result.stderr)  # It is ours too.
    assert any(key == offer or key.startswith((offer + ".", offer + "["))
               or key.endswith("." + offer) for offer in offered for key in keys), offered


def test_a_message_of_the_readme_is_the_one_that_comes(binary, stage, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        nobody = "127.0.0.1:%d" % gone.getsockname()[1]
    tree = {"listeners": {"web": {"address": "127.0.0.1:0",
                                  "routes": [{"path": "/a", "upstream": "down"},
                                             {"path": "/b", "upstream": "down"}]}},
            "upstreams": {"down": {"servers": [nobody]}}, "status": {"address": "off"}}
    path = tmp_path / "holdfast.yaml"
    path.write_text(json.dumps(tree), encoding="utf-8")
    proxy = stage.run(["run", "-c", path])
    seen = [fetch(proxy.address, target).text.splitlines()[0] for target in ("/a", "/c")]
    tree["listeners"]["web"]["routes"][1]["upstrem"] = "down"
    path.write_text(json.dumps(tree), encoding="utf-8")
    seen.append(re.search(r"error: (.*)", call([binary, "check", path]).stderr)[1])
    told = SPAN.findall("".join(row[0] for row in cells_of("you see")))
    assert not [line for line in seen if line not in told]


def provoke(code: int, binary, stage) -> subprocess.CompletedProcess:
    """Something that must end with this code."""
    path = sample_file(stage, stage.backend(keep_alive()))
    if code == 0:
        return call([binary, "check", path])
    if code == 1:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = "127.0.0.1:%d" % taken.getsockname()[1]
            return call([binary, "run", "--listen", address, "--upstream", "127.0.0.1:9"])
    if code == 2:
        return call([binary, "run", "--no-such-flag"])
    if code == 3:
        # So few descriptors are a warning on any machine.
        return call(["prlimit", "--nofile=300:300", binary, "doctor"])
    assert code == 78, f"README.md tells of the exit code {code}, and no test provokes it"
    path.write_text("wokers: 1\n", encoding="utf-8")
    return call([binary, "run", "-c", path])


@pytest.mark.parametrize("code", [int(row[0]) for row in cells_of("exit code")])
def test_an_exit_code_of_the_readme_is_the_one_that_comes(binary, stage, code):
    assert provoke(code, binary, stage).returncode == code


@pytest.mark.parametrize("number", range(len(configurations())))
def test_a_configuration_of_the_readme_is_good(binary, tmp_path, number):
    path = tmp_path / "holdfast.yaml"
    path.write_text(configurations()[number], encoding="utf-8")
    assert "warning" not in succeeds([binary, "check", path])


@pytest.mark.parametrize("path", sorted((SOURCE_ROOT / "conf").glob("*.yaml")),
                         ids=lambda path: path.name)
def test_a_sample_is_good_and_conf_tells_of_it(binary, path):
    assert "warning" not in succeeds([binary, "check", path])
    assert f"]({path.name})" in (SOURCE_ROOT / "conf" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", ["README.md", "conf/README.md", "docker/README.md",
                                  "docker/kubernetes/README.md"])
def test_the_links_of_a_page_lead_to_files(page):
    path = SOURCE_ROOT / page
    prose = FENCE.sub("", path.read_text(encoding="utf-8"))
    links = [link for link in re.findall(r"\]\(([^)#]+)", prose) if "://" not in link]
    files = [path.parent / link for link in links]
    files += [SOURCE_ROOT / span for span in SPAN.findall(prose)
              if re.fullmatch(r"[\w-]+/[\w./-]+\.(?:md|cpp)", span)]
    assert files and not [str(file) for file in files if not file.exists()]
