"""Real servers, each from a configuration of its own in a folder of its own."""

import pathlib
import random
import socket
import subprocess
import sys
import urllib.error
import urllib.request

from harness.waiting import PATIENCE, wait_until

MODULES = pathlib.Path("/usr/lib/apache2/modules")

NGINX = """\
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen {address} backlog=1024; root {folder}/root; {more} }}
}}
"""

NGINX_AS_IT_IS_TOLD = """\
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log stderr crit;
worker_rlimit_nofile 16384;
events {{ worker_connections 8192; }}
http {{
  access_log off; keepalive_requests 100000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  {more}
  server {{ listen {address} backlog=4096; location / {{ {does} }} }}
}}
"""

APACHE = """\
ServerRoot {folder}
ServerName localhost
PidFile {folder}/pid
ErrorLog /dev/stderr
Listen 127.0.0.1:{port}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule dir_module {modules}/mod_dir.so
StartServers 1
ServerLimit 4
ThreadsPerChild 64
MaxRequestWorkers 256
KeepAlive On
MaxKeepAliveRequests 100
DocumentRoot {folder}/root
DirectoryIndex index.html
{more}
"""

PYTHON = """\
import functools, http.server, sys
class Quiet(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.0"
    log_message = lambda *_: None
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 512
quiet = functools.partial(Quiet, directory=sys.argv[2])
Server(("127.0.0.1", int(sys.argv[1])), quiet).serve_forever()
"""


def free_port() -> int:
    """A port that was free a moment ago, for servers that cannot say which one they got. None that
    the kernel gives to connections: another test beside this one would soon have it."""
    while True:
        port = random.SystemRandom().randrange(10000, 32768)
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class RealServer:
    """nginx, Apache httpd or Python's http.server, with a page and a bigger file to serve."""

    page = b"<p>A page of some kind.</p>\n"
    file = bytes(range(256)) * 2000

    def __init__(self, kind: str, folder: pathlib.Path, *, unix: bool = False,
                 more: str = "") -> None:
        """`unix`: nginx listens on a Unix socket in its folder. `more`: of its configuration."""
        self.kind = kind
        self._more = more
        self._unix = unix
        self.folder = folder
        root = folder / "root"
        root.mkdir(parents=True)
        (root / "index.html").write_bytes(self.page)
        (root / "file").write_bytes(self.file)
        self._log = open(folder / "log", "w", encoding="utf-8")  # Closed in stop().
        for _ in range(5):  # Another may have taken the free port meanwhile.
            self.port = free_port()
            self._child = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL,
                                           stdout=self._log, stderr=self._log)
            wait_until(lambda: self._ready() or self._child.poll() is not None, f"{kind} is ready")
            if self._child.poll() is None:
                return
        raise AssertionError(f"{kind} does not start: {(folder / 'log').read_text()}")

    def _command(self) -> list[str]:
        if self.kind == "http.server":
            return [sys.executable, "-c", PYTHON, str(self.port), str(self.folder / "root")]
        text = NGINX if self.kind == "nginx" else APACHE
        path = self.folder / "conf"
        address = self.server if self._unix else f"127.0.0.1:{self.port}"
        path.write_text(text.format(folder=self.folder, port=self.port, modules=MODULES,
                                    address=address, more=self._more))
        if self.kind == "nginx":
            return ["nginx", "-c", str(path), "-p", str(self.folder), "-e", "stderr"]
        return ["/usr/sbin/apache2", "-f", str(path), "-D", "FOREGROUND"]

    def _ready(self) -> bool:
        if self._unix:
            return (self.folder / "socket").is_socket()
        try:
            with urllib.request.urlopen(f"http://{self.server}/", timeout=PATIENCE) as reply:
                return reply.read() == self.page
        except (urllib.error.URLError, OSError):
            return False

    @property
    def server(self) -> str:
        return f"unix:{self.folder}/socket" if self._unix else f"127.0.0.1:{self.port}"

    def stop(self) -> None:
        self._child.terminate()
        try:
            self._child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._log.close()


class Nginx:
    """nginx with one location, which does what it is told; its connections have no limit."""

    def __init__(self, folder: pathlib.Path, does: str, more: str = "") -> None:
        folder.mkdir()
        self.port = free_port()
        self.server = f"127.0.0.1:{self.port}"
        path = folder / "conf"
        path.write_text(NGINX_AS_IT_IS_TOLD.format(folder=folder, address=self.server, does=does,
                                                   more=more))
        self._log = open(folder / "log", "w", encoding="utf-8")  # Closed in stop().
        self._child = subprocess.Popen(
            ["nginx", "-c", str(path), "-p", str(folder), "-e", "stderr"],
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)
        wait_until(self._answers, "nginx answers")

    @classmethod
    def proxy(cls, folder: pathlib.Path, backend: str) -> "Nginx":
        """Keeps up to 512 idle connections to the backend, and has no limit."""
        return cls(folder, 'proxy_pass http://legacy; proxy_http_version 1.1; '
                   'proxy_set_header Connection "";',
                   f"upstream legacy {{ server {backend}; keepalive 512; "
                   "keepalive_requests 100000000; }")

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.server}/", timeout=PATIENCE) as reply:
                return reply.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def stop(self) -> None:
        self._child.terminate()
        self._child.wait(PATIENCE)
        self._log.close()
