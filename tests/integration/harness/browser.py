"""Chromium without a screen, driven over chromedriver's own HTTP."""

import base64
import contextlib
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request

from harness.waiting import PATIENCE, wait_until

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage"]
TAB, ESCAPE = "\ue004", "\ue00c"

# The text that can be seen, with the contrast of its colour to what is behind it (WCAG 2.1, 1.4.3).
CONTRASTS = """
const channel = (x) => { x /= 255; return x <= .04045 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4; };
const light = (c) => .2126 * channel(c[0]) + .7152 * channel(c[1]) + .0722 * channel(c[2]);
const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const colour = (text) => {
  pen.clearRect(0, 0, 1, 1);
  pen.fillStyle = text;
  pen.fillRect(0, 0, 1, 1);
  return [...pen.getImageData(0, 0, 1, 1).data];
};
const behind = (element) => {
  for (; element; element = element.parentElement) {
    const found = colour(getComputedStyle(element).backgroundColor);
    if (found[3] === 255) return found;
  }
  return [255, 255, 255];
};
const texts = [];
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walk.nextNode()) {
  const text = walk.currentNode.data.trim(), holder = walk.currentNode.parentElement;
  if (!text || holder.closest("script, style, noscript") || !holder.getClientRects().length) continue;
  const a = light(colour(getComputedStyle(holder).color)), b = light(behind(holder));
  texts.push([text, (Math.max(a, b) + .05) / (Math.min(a, b) + .05)]);
}
return texts;
"""


class Browser:
    """One Chromium with one page."""

    def __init__(self) -> None:
        self._profile = tempfile.mkdtemp(prefix="holdfast-browser-")
        self._driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True)
        try:
            port = next(found[1] for line in self._driver.stdout
                        if (found := re.search(r"successfully on port (\d+)", line)))
            self._url = f"http://127.0.0.1:{port}/session"
            options = {"args": [*FLAGS, f"--user-data-dir={self._profile}"]}
            made = self._call("POST", "", {"capabilities": {"alwaysMatch": {
                "browserName": "chrome", "goog:loggingPrefs": {"browser": "ALL"},
                "goog:chromeOptions": options}}})
            self._url += "/" + made["sessionId"]
        except BaseException:
            self.stop()
            raise

    def _call(self, method: str, path: str, body=None):
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data=content, method=method,
                                         headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=3 * PATIENCE) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as refusal:
            raise AssertionError(f"{path}: {refusal.read().decode(errors='replace')}") from None

    def _tell(self, command: str, **parameters):
        return self._call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def look_like(self, width: int, theme: str) -> None:
        """A window of this width, of somebody who prefers the theme."""
        self._tell("Emulation.setDeviceMetricsOverride", width=width, height=900,
                   deviceScaleFactor=1, mobile=width < 500)
        self._tell("Emulation.setEmulatedMedia",
                   features=[{"name": "prefers-color-scheme", "value": theme}])

    def open(self, url: str) -> None:
        self._call("POST", "/url", {"url": url})

    def run(self, script: str, *arguments):
        """What the script returns."""
        return self._call("POST", "/execute/sync", {"script": script, "args": arguments})

    def text(self, place: str) -> str:
        return self.run("return document.querySelector(arguments[0]).innerText", place)

    def number(self, place: str) -> int:
        return int(self.text(place).replace(",", ""))

    def wait_for(self, place: str, pattern: str, within: float = PATIENCE) -> str:
        """The text of the place, once it matches."""
        seen = [""]

        def matches() -> bool:
            seen[0] = self.run("return document.querySelector(arguments[0])?.innerText ?? ''", place)
            return re.search(pattern, seen[0]) is not None
        try:
            wait_until(matches, "", within)
        except AssertionError:
            raise AssertionError(f"{place} is {seen[0]!r}, not {pattern!r}") from None
        return seen[0]

    def press(self, key: str) -> None:
        self._call("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": [
            {"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]}]})

    def contrasts(self) -> list[tuple[str, float]]:
        return [(text, ratio) for text, ratio in self.run(CONTRASTS)]

    def complaints(self) -> list[str]:
        """What the console has said since it was last asked: errors, and breaches of the policy."""
        return [line["message"] for line in self._call("POST", "/se/log", {"type": "browser"})]

    def picture(self, path: pathlib.Path) -> None:
        """Of the whole page."""
        width, height = self.run("const all = document.documentElement;"
                                 "return [all.clientWidth, all.scrollHeight]")
        taken = self._tell("Page.captureScreenshot", format="png", captureBeyondViewport=True,
                           clip={"x": 0, "y": 0, "width": width, "height": height, "scale": 1})
        path.write_bytes(base64.b64decode(taken["data"]))

    def stop(self) -> None:
        with contextlib.suppress(AssertionError, OSError):
            self._call("DELETE", "")
        self._driver.terminate()
        try:
            self._driver.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._driver.kill()
            self._driver.wait()
        self._driver.stdout.close()
        shutil.rmtree(self._profile, ignore_errors=True)
