"""Real servers with limits for their connections, and real proxies to compare with, at the ends of a
cable."""

import itertools
import pathlib
import socket
import subprocess

from harness.namespace import Namespace
from harness.servers import MODULES
from harness.waiting import PATIENCE, wait_until

NGINX = """\
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_timeout {idle}; keepalive_requests {requests};
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  {rest}
}}
"""
SERVES = "server {{ listen {address}:{port}; location / {{ return 200 'A page of some kind.'; }} }}"
PASSES = """\
upstream legacy {{ server {to}; keepalive 32; }}
server {{ listen {address}:{port};
  location / {{ proxy_pass http://legacy; proxy_http_version 1.1; proxy_set_header Connection ""; }} }}
"""

APACHE = """\
ServerRoot {folder}
ServerName localhost
PidFile {folder}/pid
ErrorLog /dev/stderr
Listen {address}:{port}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule dir_module {modules}/mod_dir.so
StartServers 1
ServerLimit 1
ThreadsPerChild 64
MaxRequestWorkers 64
KeepAlive On
KeepAliveTimeout {idle}
MaxKeepAliveRequests {requests}
DocumentRoot {folder}/root
DirectoryIndex index.html
"""

HAPROXY = """\
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  option http-keep-alive
  http-reuse always
frontend web
  bind {address}:{port}
  default_backend legacy
backend legacy
  server one {to}
"""


_numbers = itertools.count()


class Limited:
    """One server or proxy in a namespace, on a port of its own choice: nobody else is there."""

    def __init__(self, kind: str, folder: pathlib.Path, place: tuple[Namespace, str], **how) -> None:
        """`how`: of a server `idle` (seconds) and `requests`; of a proxy `to`, as host:port."""
        namespace, address = place
        self.port = 8000 + next(_numbers)
        self.address = (address, self.port)
        self.server = f"{address}:{self.port}"
        (folder / "root").mkdir(parents=True)
        (folder / "root" / "index.html").write_text("A page of some kind.")
        config = folder / "conf"
        values = {"idle": 75, "requests": 100_000, "folder": folder, "address": address,
                  "port": self.port, "modules": MODULES, **how}
        template = {"apache": APACHE, "haproxy": HAPROXY}.get(kind)
        if template is None:
            rest = PASSES if kind == "nginx as proxy" else SERVES
            values["rest"] = rest.format(**values)
            template = NGINX
        config.write_text(template.format(**values), encoding="utf-8")
        command = {"apache": ["/usr/sbin/apache2", "-f", str(config), "-D", "FOREGROUND"],
                   "haproxy": ["haproxy", "-db", "-f", str(config)]}.get(
                       kind, ["nginx", "-c", str(config), "-p", str(folder), "-e", "stderr"])
        self._log = open(folder / "log", "w", encoding="utf-8")  # Closed in stop().
        self._child = subprocess.Popen([*namespace.prefix, *command], stdin=subprocess.DEVNULL,
                                       stdout=self._log, stderr=self._log)
        self._namespace = namespace
        wait_until(self._ready, f"{kind} listens")

    def _ready(self) -> bool:
        with self._namespace.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
            return sock.connect_ex(self.address) == 0

    def stop(self) -> None:
        self._child.terminate()
        try:
            self._child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._log.close()
