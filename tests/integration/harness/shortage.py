"""Makes system calls of a running holdfast fail, as they do when a machine is short of something."""

import mmap
import os
import pathlib
import struct
import subprocess
import time

CALLS = ("accept4", "socket", "connect")


class Shortage:
    """Preloaded into holdfast; a page of memory that both share says what fails, and with what."""

    def __init__(self, folder: pathlib.Path) -> None:
        library = folder / "shortage.so"
        source = pathlib.Path(__file__).with_name("shortage.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"],
                       check=True)
        file = folder / "shortage"
        file.write_bytes(bytes(4096))
        with open(file, "r+b") as opened:
            self._page = mmap.mmap(opened.fileno(), 4096)
        sanitizer = os.environ.get("ASAN_OPTIONS", "")
        self.env = {"LD_PRELOAD": str(library), "SHORTAGE_FILE": str(file),
                    "ASAN_OPTIONS": f"{sanitizer}:verify_asan_link_order=0".lstrip(":")}

    def begin(self, call: str, failure: int) -> None:
        at = CALLS.index(call) * 4
        self._page[at:at + 4] = struct.pack("i", failure)

    def end(self, call: str) -> None:
        self.begin(call, 0)

    def stop(self) -> None:
        self._page.close()


class CpuMeter:
    """The part of one CPU that a process has used since the meter was made."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._begun = (time.monotonic(), self._seconds())

    def _seconds(self) -> float:
        with open(f"/proc/{self._pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def share(self) -> float:
        wall, used = self._begun
        return (self._seconds() - used) / (time.monotonic() - wall)
