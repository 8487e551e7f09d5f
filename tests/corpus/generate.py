#!/usr/bin/python3
"""Writes the rows of the corpus that follow from a rule: permutations.tsv, limits.tsv,
body_limit.tsv and pairs.tsv. `generate.py --check` only says whether the files are up to date.

The verdicts come from the grammar in RFC 9110 and RFC 9112 and from the list of what is refused
though it is legal (README.md), not from what holdfast answers.
"""
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
GET = "GET / HTTP/1.1\\r\\nHost: a\\r\\n"
POST = "POST / HTTP/1.1\\r\\nHost: a\\r\\n"
OK = "HTTP/1.1 200 OK\\r\\n"
END = "\\r\\n"
CHUNKED = "Transfer-Encoding: chunked\\r\\n"
LAST = "0\\r\\n\\r\\n"
TOKEN = set("!#$%&'*+-.^`|~")  # of the tchars, those that are neither letter nor digit nor `_`
# What is put beside and into names and values.
ODD = [chr(code) for code in (*range(0x00, 0x20), 0x20, 0x7f, 0x80, 0x85, 0xa0, 0xad, 0xff)]
ODD += list("\"'(),/:;<=>?@[\\]{}_!.-+") + ["\xc3\xa4", "\xe2\x80\x8b"]


def escape(text: str) -> str:
    named = {"\r": "\\r", "\n": "\\n", "\t": "\\t", "\\": "\\\\"}
    return "".join(named.get(c) or (c if " " <= c <= "~" else f"\\x{ord(c):02x}") for c in text)


def times(count: int, text: str) -> str:
    return f"\\({count}*{text}\\)" if count else ""


def code(text: str) -> str:
    return "".join(f"{ord(c):02x}" for c in text)


# --- P: every odd byte before, in and behind the name and the value of a framing field ---

FRAMED = {"te": ("Transfer-Encoding", "chunked", "0\\r\\n\\r\\n", ""),
          "cl": ("Content-Length", "5", "hello", "hello")}


def placed(word: str, odd: str):
    yield "before", odd + word
    if len(word) > 1:
        yield "in", word[:4] + odd + word[4:]
    yield "behind", word + odd


def odd_names():
    for short, (name, value, body, _) in FRAMED.items():
        for odd in ODD:
            for place, made in placed(name, odd):
                row = f"P-{short}-name-{place}-{code(odd)}"
                if odd in TOKEN:
                    # Another name, and a legal one: the request has no body. What follows is none.
                    yield row, "ok 400", "POST / content-length=0", made + f": {value}", body
                elif odd == ":" and place == "in":
                    # A name ends at its first colon, and `Tran` frames nothing.
                    yield row, "ok 400", "POST / content-length=0", made + f": {value}", body
                elif odd == ":" and place == "behind":
                    yield row, "400", "-", made + f": {value}", body
                else:
                    yield row, "400", "-", made + f": {value}", body


def odd_values():
    for short, (name, value, body, payload) in FRAMED.items():
        for odd in ODD:
            for place, made in placed(value, odd):
                row = f"P-{short}-value-{place}-{code(odd)}"
                if odd == " " and place != "in":
                    yield row, "ok", f"POST / ={payload}", f"{name}: {made}", body
                else:
                    yield row, "400", "-", f"{name}: {made}", body


def cased():
    for short, (name, value, body, payload) in FRAMED.items():
        for way in (str.lower, str.upper, str.swapcase, str.title):
            for side in ("name", "value") if short == "te" else ("name",):
                field = f"{way(name)}: {value}" if side == "name" else f"{name}: {way(value)}"
                yield (f"P-{short}-{side}-{way.__name__}", "ok", f"POST / ={payload}", field, body)
        for count, blanks in enumerate(("", " ", "  ", "   ")):
            yield (f"P-{short}-blanks-{count}", "ok", f"POST / ={payload}",
                   f"{name}:{blanks}{value}{blanks}", body)


# --- P: two framing fields are one too many, whatever they say and in whichever order ---

ALONE = ["Content-Length: 5", "Content-Length: 0", "content-length: 6", "Content-Length:",
         "Transfer-Encoding: chunked", "transfer-encoding: CHUNKED", "Transfer-Encoding: identity",
         "Transfer-Encoding:", "Transfer-Encoding: xchunked"]


def doubled():
    for i, first in enumerate(ALONE):
        for j, second in enumerate(ALONE):
            yield f"P-two-{i}{j}", "400", "-", first + END + second, "0\\r\\n\\r\\n"
            yield (f"P-two-apart-{i}{j}", "400", "-", first + END + "X: y" + END + second, "hello")


def permutations():
    for row, verdict, after, fields, body in (*odd_names(), *odd_values(), *cased(), *doubled()):
        written = fields if END in fields else escape(fields)
        yield row, "Q", verdict, after, POST + written + END + END + body


# --- L: each limit at limit - 1, limit, limit + 1 and a hundred times ---

def around(limit: int):
    return (("-1", limit - 1), ("", limit), ("+1", limit + 1), ("-x100", limit * 100))


def plain_size(text: str) -> int:
    return len(text.replace("\\r", "\r").replace("\\n", "\n"))


# What is within the limit is `ok`; (verdict, after) else.
def limited(name, limit, most, good, bad, make):
    for suffix, count in around(limit):
        verdict, after = good if count <= most else bad
        yield f"L-{name}{suffix}", "Q", verdict, after.replace("N", str(count - 1)), make(count)


def limits():
    yield from limited("head", 16384, 16384, ("ok", "GET /"), ("431", "-"), lambda n: (
        GET + "X: " + times(n - plain_size(GET) - 7, "y") + END + END))
    yield from limited("target", 8192, 8192, ("ok", "GET /\\(N*t\\)"), ("414", "-"), lambda n: (
        "GET /" + times(n - 1, "t") + " HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n"))
    yield from limited("fields", 100, 100, ("ok", "GET /"), ("431", "-"), lambda n: (
        GET + times(n - 1, "x:y\\r\\n") + END))
    yield from limited("length-digits", 19, 19, ("ok", "POST / =hello content-length=5"),
                       ("400", "-"), lambda n: (
        POST + "Content-Length: " + times(n - 1, "0") + "5\\r\\n\\r\\nhello"))
    yield from limited("connection-options", 32, 32, ("ok", "GET / !connection"), ("400", "-"),
                       lambda n: GET + "Connection: " + times(n, "x,") + END + END)
    yield from limited("empty-lines", 2, 2, ("ok", "GET /"), ("400", "-"),
                       lambda n: times(n, "\\r\\n") + GET + END)
    yield from limited("method", 24, 0, ("ok", ""), ("501", "-"),
                       lambda n: times(n, "M") + " / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n")
    yield from chunk_limits()
    yield from answer_limits()


def chunk_limits():
    cut = ("400", "cut")
    head = POST + CHUNKED + END
    z = "\\r\\nZ\\r\\n" + LAST
    yield from limited("size-digits", 16, 16, ("ok", "POST / =Z"), cut,
                       lambda n: head + times(n - 1, "0") + "1" + z)
    yield from limited("extension", 256, 256, ("ok", "POST / =Z"), cut,
                       lambda n: head + "1;" + times(n, "e") + z)
    whole = "20;" + times(256, "e") + END + times(32, "p") + END
    for suffix, chunks, more in (("-1", 63, 255), ("", 63, 256), ("+1", 64, 1), ("-x100", 6400, 0)):
        within = chunks * 256 + more <= 16384
        verdict, after = ("ok", "POST / =\\(%d*p\\)" % (chunks * 32 + 1)) if within else cut
        last = "1" + (";" + times(more, "e") if more else "") + "\\r\\np\\r\\n" + LAST
        yield (f"L-extensions{suffix}", "Q", verdict, after, head + times(chunks, whole) + last)
    # A line counts without its line end.
    yield from limited("trailers", 4096, 4096, ("ok", "POST / = !x"), cut,
                       lambda n: head + "0\\r\\nX:" + times(n - 2, "y") + END + END)
    # "1 CRLF" and CRLF are five bytes for one of payload, and "0 CRLF CRLF" five for none; 16384
    # may be more than the payload justifies.
    for suffix, chunks in (("-1", 4093), ("", 4094), ("+1", 4095), ("-x100", 409400)):
        verdict, after = ("ok", f"POST / =\\({chunks}*Z\\)") if chunks <= 4094 else cut
        yield (f"L-tiny-chunks{suffix}", "Q", verdict, after,
               head + times(chunks, "1\\r\\nZ\\r\\n") + LAST)


def answer_limits():
    h = OK + "Content-Length: 2\\r\\n"
    for suffix, count in around(8):
        within = count <= 8
        hint = "HTTP/1.1 103 X\\r\\n\\r\\n"
        told = "103 " * min(count, 8)
        yield (f"L-interim{suffix}", "S", told + ("200 =hi" if within else "502"),
               "keep" if within else "retire", times(count, hint) + h + "\\r\\nhi")
        yield (f"L-interim-100{suffix}", "S", "200 =hi" if within else "502",
               "keep" if within else "retire",
               times(count, "HTTP/1.1 100 Continue\\r\\n\\r\\n") + h + "\\r\\nhi")
    for suffix, count in around(65536):
        within = count <= 65536
        yield (f"L-answer-head{suffix}", "S", "200 =hi" if within else "502",
               "keep" if within else "retire",
               h + "X: " + times(count - plain_size(h) - 7, "y") + "\\r\\n\\r\\nhi")
    for suffix, count in around(256):
        within = count <= 256
        yield (f"L-answer-fields{suffix}", "S", "200 =hi" if within else "502",
               "keep" if within else "retire", h + times(count - 1, "x:y\\r\\n") + "\\r\\nhi")
    for suffix, count in around(19):
        within = count <= 19
        yield (f"L-answer-length-digits{suffix}", "S", "200 =hi" if within else "502",
               "keep" if within else "retire",
               OK + "Content-Length: " + times(count - 1, "0") + "2\\r\\n\\r\\nhi")
    for suffix, count in around(16):
        within = count <= 16
        yield (f"L-answer-size-digits{suffix}", "S", "200 =hi" if within else "200 cut",
               "keep" if within else "retire",
               OK + CHUNKED + END + times(count - 1, "0") + "2\\r\\nhi\\r\\n" + LAST)
    for suffix, count in around(256):
        within = count <= 256
        yield (f"L-answer-extension{suffix}", "S", "200 =hi" if within else "200 cut",
               "keep" if within else "retire",
               OK + CHUNKED + END + "2;" + times(count, "e") + "\\r\\nhi\\r\\n" + LAST)
    for suffix, count in around(4096):
        within = count <= 4096
        yield (f"L-answer-trailers{suffix}", "S", "200 =" if within else "200 cut",
               "keep" if within else "retire",
               OK + CHUNKED + END + "0\\r\\nX:" + times(count - 2, "y") + END + END)


# --- with limits.body at 1000 bytes ---

def body_limit():
    for suffix, count in around(1000):
        within = count <= 1000
        yield (f"L-body-length{suffix}", "Q", *(("ok", f"POST / =\\({count}*b\\)") if within else
                                               ("413", "-")),
               POST + f"Content-Length: {count}\\r\\n\\r\\n" + (times(count, "b") if within else ""))
        yield (f"L-body-chunk{suffix}", "Q", *(("ok", f"POST / =\\({count}*b\\)") if within else
                                              ("413", "cut")),
               POST + CHUNKED + END + f"{count:x}" + END +
               (times(count, "b") + END + LAST if within else ""))
        yield (f"L-body-chunks{suffix}", "Q", *(("ok", f"POST / =\\({count}*b\\)") if within else
                                               ("413", "cut")),
               POST + CHUNKED + END + times(10, f"{count // 10:x}" + END + times(count // 10, "b")
                                            + END) +
               (f"{count % 10:x}" + END + times(count % 10, "b") + END if count % 10 else "") + LAST)


# --- S: whatever is sent behind a message is read as the next one, and by nobody else ---

GOOD = {
    "get": ("GET {} HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n", "GET {}"),
    "head": ("HEAD {} HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n", "HEAD {}"),
    "length": ("POST {} HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 5\\r\\n\\r\\nhello",
               "POST {} =hello"),
    "chunks": ("POST {} HTTP/1.1\\r\\nHost: a\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n"
               "5\\r\\nhello\\r\\n0\\r\\n\\r\\n", "POST {} =hello"),
    "empty": ("PUT {} HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 0\\r\\n\\r\\n", "PUT {}"),
    "none": ("POST {} HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n", "POST {} content-length=0"),
    "old": ("GET {} HTTP/1.0\\r\\nConnection: keep-alive\\r\\n\\r\\n", "GET {}"),
    "expect": ("POST {} HTTP/1.1\\r\\nHost: a\\r\\nExpect: 100-continue\\r\\nContent-Length: 5"
               "\\r\\n\\r\\nhello", "POST {} =hello !expect"),
}
BAD = {
    "lf": ("400", "GET /2 HTTP/1.1\\nHost: a\\n\\n"),
    "no-host": ("400", "GET /2 HTTP/1.1\\r\\n\\r\\n"),
    "cl-te": ("400", "POST /2 HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 6\\r\\nTransfer-Encoding: "
                     "chunked\\r\\n\\r\\n0\\r\\n\\r\\nG"),
    "connect": ("405", "CONNECT a:1 HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n"),
    "version": ("505", "GET /2 HTTP/2.0\\r\\nHost: a\\r\\n\\r\\n"),
    "junk": ("400", "junk\\r\\n\\r\\n"),
    "expect": ("417", "GET /2 HTTP/1.1\\r\\nHost: a\\r\\nExpect: x\\r\\n\\r\\n"),
}


def pairs():
    for first, (one, seen) in GOOD.items():
        for second, (two, seen_too) in GOOD.items():
            yield (f"S-{first}-{second}", "Q", "ok ok",
                   f"{seen.format('/1')} ; {seen_too.format('/2')}",
                   one.format("/1") + two.format("/2"))
        for second, (status, two) in BAD.items():
            yield (f"S-{first}-bad-{second}", "Q", f"ok {status}", seen.format("/1"),
                   one.format("/1") + two)


FILES = {"permutations.tsv": permutations, "limits.tsv": limits, "body_limit.tsv": body_limit,
         "pairs.tsv": pairs}


def main(arguments: list[str]) -> int:
    stale = []
    for name, make in FILES.items():
        made = "".join("\t".join(row) + "\n" for row in make())
        if arguments == ["--check"]:
            stale += [name] if (HERE / name).read_text("ascii") != made else []
        else:
            (HERE / name).write_text(made, "ascii")
    for name in stale:
        print(f"tests/corpus/{name} is not what generate.py writes")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
