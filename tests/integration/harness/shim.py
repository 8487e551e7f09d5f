"""The kernel on its worst day: harness/shim.c, compiled and preloaded into holdfast."""

import os
import pathlib
import subprocess

SOURCE = pathlib.Path(__file__).with_name("shim.c")


def build(folder: pathlib.Path) -> pathlib.Path:
    library = folder / "shim.so"
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl"],
                   check=True)
    return library


def preloaded(library: pathlib.Path, **settings: object) -> dict[str, str]:
    """The environment for it. A sanitizer wants to come first, and can do without."""
    options = [os.environ.get("ASAN_OPTIONS", ""), "verify_asan_link_order=0"]
    return {"LD_PRELOAD": str(library), "ASAN_OPTIONS": ":".join(filter(None, options)),
            **{f"SHIM_{name.upper()}": str(value) for name, value in settings.items()}}


class Clock:
    """The wall clock as holdfast sees it: so many seconds beside the true one."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.path = folder / "clock"
        self.jump(0)

    def jump(self, seconds: int) -> None:
        with open(self.path, "r+b" if self.path.exists() else "wb") as file:
            file.write(seconds.to_bytes(8, "little", signed=True))
