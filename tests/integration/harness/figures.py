"""The figures of the faults under load, as one table below the results."""

COLUMNS = ("requests", "errors", "executions", "connections", "replays",
           "rss before", "rss peak", "rss after", "fds before", "fds after")


def _text(name: str, value) -> str:
    return f"{value / (1 << 20):.1f}M" if name.startswith("rss") else str(value)


def summary(reports) -> str:
    """A line for each test that has noted its figures; empty without any."""
    lines = []
    for report in reports:
        figures = dict(getattr(report, "user_properties", [])).get("figures")
        if figures and getattr(report, "when", "") == "call":
            name = report.nodeid.rpartition("::")[2].removeprefix("test_")
            values = [_text(column, figures.get(column, "-")) for column in COLUMNS]
            lines.append([name, *values])
    if not lines:
        return ""
    rows = [["fault", *COLUMNS], *sorted(lines)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS) + 1)]
    return "\n".join(
        "  ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                  for i, (cell, width) in enumerate(zip(row, widths))) for row in rows)
