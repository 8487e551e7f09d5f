"""Which holdfast is tested, and what kind of build it is."""

import functools
import os
import pathlib

SOURCE_ROOT = pathlib.Path(__file__).resolve().parents[3]
SANITIZER_MARKS = (b"__asan_init", b"__tsan_init", b"__ubsan_handle")


class NoBinary(Exception):
    """There is nothing to test."""


@functools.cache
def holdfast_binary() -> pathlib.Path:
    """HOLDFAST_BINARY, else the newest build/*/src/holdfast."""
    named = os.environ.get("HOLDFAST_BINARY")
    if named:
        path = pathlib.Path(named)
        if not os.access(path, os.X_OK):
            raise NoBinary(f"HOLDFAST_BINARY={named} is not an executable file")
        return path.resolve()
    built = [p for p in SOURCE_ROOT.glob("build/*/src/holdfast") if os.access(p, os.X_OK)]
    if not built:
        raise NoBinary(f"no {SOURCE_ROOT}/build/*/src/holdfast: build, or set HOLDFAST_BINARY")
    return max(built, key=lambda p: p.stat().st_mtime)


@functools.cache
def sanitized() -> bool:
    """The build is instrumented: slower, bigger, and it reports on stderr."""
    try:
        content = holdfast_binary().read_bytes()
    except NoBinary:
        return False
    return any(mark in content for mark in SANITIZER_MARKS)
