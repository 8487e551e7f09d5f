"""What is written of the results: the summary in the README, and the page of all tables."""

import os
import pathlib

from workloads import WORKLOADS

import report
from arms import ARMS, ROOT, Unmeasurable
from plots import RATE_WORKLOAD

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
PLOTS = {"ports": "Backend connections and TIME_WAIT over time",
         "cpu": "CPU per request beside tuned nginx", "latency": "Latency at a constant rate"}


def write(results: dict, file: pathlib.Path, plots: pathlib.Path | None) -> None:
    """Puts the summary between the marks of a file."""
    text = file.read_text(encoding="utf-8")
    begin, end = text.find(BEGIN), text.find(END)
    if begin < 0 or end < begin:
        raise Unmeasurable(f"{file} has no place for the tables: {BEGIN} and {END}, a line each")
    text = text[:begin + len(BEGIN)] + "\n" + summary(results, file, plots) + text[end:]
    file.write_text(text, encoding="utf-8")


def markdown(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---"] + ["--:"] * (len(heads) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def surroundings(results: dict) -> str:
    machine, settings = results["machine"], results["settings"]
    versions = ", ".join(results["versions"].values())
    return (f"{results['date']}, {machine['processor']}, {machine['cpus']} CPUs, Linux "
            f"{machine['kernel']}; {versions}; layout `{settings['layout']}`, median of "
            f"{settings['rounds']} rounds of {settings['seconds']} s.")


def cpu_table(results: dict) -> str:
    """CPU per request beside tuned nginx, whose own is told; how many failed where any did."""
    arms = [arm for arm in ARMS if arm != "direct"
            and any(arm in rows for rows in results["workloads"].values())]

    def cell(arm: str, rows: dict) -> str:
        if arm not in rows:
            return ""
        errors = f" ({rows[arm]['errors']:,} errors)" if rows[arm]["errors"] else ""
        if arm == report.BASE:
            return f"1 = {report.number(rows[arm]['cpu_us'], 1)} us" + errors
        return report.number(report.ratio(rows[arm], rows, report.BASE), 2) + errors
    return markdown(["CPU per request beside tuned nginx", *(ARMS[arm].title for arm in arms)],
                    [[WORKLOADS[name].title, *(cell(arm, rows) for arm in arms)]
                     for name, rows in results["workloads"].items()])


def latency_table(rows: dict) -> str:
    return markdown([WORKLOADS[RATE_WORKLOAD].title, "errors", "p50", "p99", "p99.9"],
                    [[ARMS[arm].title, report.number(row["errors"]), report.micros(row["p50_us"]),
                      report.micros(row["p99_us"]), report.micros(row["p999_us"])]
                     for arm, row in rows.items()])


def ports_table(ports: dict) -> str:
    return markdown(["short clients over a cable, 1,000 local ports", "requests", "errors",
                     "backend connections opened", "TIME_WAIT at the proxy's machine",
                     "at the backend's"], report.ports_rows(ports))


def idle_table(idle: dict) -> str:
    return markdown(["memory", *report.IDLE_HEADS[1:]], report.idle_rows(idle))


def crowd_table(crowd: dict) -> str:
    return markdown(["10,000 requests a second past idle clients", *report.CROWD_HEADS[1:]],
                    report.crowd_rows(crowd))


def picture(name: str, file: pathlib.Path, plots: pathlib.Path | None) -> str:
    path = plots / f"{name}.svg" if plots else None
    if not path or not path.exists():
        return ""
    return f"![{PLOTS[name]}]({os.path.relpath(path, file.parent)})\n"


def link_to_all_tables(file: pathlib.Path, plots: pathlib.Path | None) -> str:
    path = plots / "README.md" if plots else None
    if not path or not path.exists():
        return ""
    where = os.path.relpath(path, file.parent)
    return f"[All tables]({where}), with requests per second and latencies.\n"


def summary(results: dict, file: pathlib.Path, plots: pathlib.Path | None) -> str:
    parts = [surroundings(results) + "\n" + link_to_all_tables(file, plots)]
    if results.get("ports"):
        parts += [ports_table(results["ports"]), picture("ports", file, plots)]
    if results["workloads"]:
        parts += [cpu_table(results), picture("cpu", file, plots)]
    if RATE_WORKLOAD in results["workloads"]:
        parts += [latency_table(results["workloads"][RATE_WORKLOAD]),
                  picture("latency", file, plots)]
    if results.get("idle"):
        parts.append(idle_table(results["idle"]))
    if results.get("crowd"):
        parts.append(crowd_table(results["crowd"]))
    return "\n".join(part for part in parts if part)


def write_all_tables(results: dict, file: pathlib.Path) -> None:
    """A page of all tables as they stood on the terminal, losses included."""
    tables = [report.workload_table(name, rows) for name, rows in results["workloads"].items()]
    verdicts = "\n".join(map(str, report.all_verdicts(results)))
    text = (f"# What `./dev bench` has measured\n\n{surroundings(results)}\n"
            f"[How to read it]({os.path.relpath(ROOT / 'benchmarks/README.md', file.parent)}); "
            f"every run is in `results.json`.\n\n```\n{report.LEGEND}\n" + "\n".join(tables)
            + f"\n\nwhat holdfast is meant to need\n{verdicts}\n```\n")
    file.write_text(text, encoding="utf-8")
