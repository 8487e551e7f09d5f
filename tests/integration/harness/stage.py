"""Puts holdfast before backends, and clears everything away afterwards."""

import pathlib

from harness.audit import audit
from harness.backend import Backend
from harness.holdfast import Holdfast, yaml


class Stage:
    """What one test (or one table of tests) has started. close() stops it all and judges it."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self._backends: list[Backend] = []
        self._proxies: list[Holdfast] = []
        self._others: list = []

    def backend(self, script, **how) -> Backend:
        backend = Backend(script, **how)
        self._backends.append(backend)
        return backend

    def config(self, *backends, listener=None, upstream=None, **top) -> pathlib.Path:
        """Writes a configuration: one listener, one upstream whose servers are the backends."""
        servers = [b if isinstance(b, str) else b.server for b in backends]
        tree = {
            "workers": 1,
            "listeners": {"web": {"address": "127.0.0.1:0", "upstream": "legacy",
                                  **(listener or {})}},
            "upstreams": {"legacy": {"servers": servers, **(upstream or {})}},
            # Longer than a client is let read its refusal after it was sent.
            "shutdown": {"timeout": "4s"},
            "status": {"address": "off"},
            **top,
        }
        path = self.folder / f"holdfast-{len(self._proxies)}.yaml"
        path.write_text(yaml(tree), encoding="utf-8")
        return path

    def proxy(self, *backends, prefix=(), env=None, mute_at=None, **settings) -> Holdfast:
        """holdfast, ready, before these backends. `settings` as for config()."""
        path = self.config(*backends, **settings)
        return self.run(["run", "-c", str(path)], prefix=prefix, env=env, mute_at=mute_at,
                        listeners=len(settings.get("listeners", "1")))

    def run(self, arguments: list[str], **how) -> Holdfast:
        proxy = Holdfast(arguments, **how)
        self._proxies.append(proxy)
        return proxy

    def adopt(self, thing):
        """Stops it at the end, with all else."""
        self._others.append(thing)
        return thing

    def close(self) -> None:
        complaints = []
        for end in [*self._proxies, *self._backends, *self._others]:
            try:
                end.stop()
            except AssertionError as complaint:
                complaints.append(str(complaint))
        for proxy in self._proxies:
            print(f"--- stderr of holdfast {proxy.pid}\n{proxy.stderr[-20000:]}")
        for backend in self._backends:
            print(f"--- ledger of backend {backend.server}\n{backend.ledger()[-4000:]}")
            complaints += backend.failures
        assert not complaints, "\n".join(complaints)
        for backend in self._backends:
            audit(backend)
