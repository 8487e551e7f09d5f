"""The plots, as SVG: ports over time, CPU per request by workload, latency at a constant rate."""

import pathlib

from workloads import WORKLOADS

import report
from arms import ARMS

MOST_SHOWN = 2.5   # of nginx's CPU; what needs more ends in a number
RATE_WORKLOAD = "constant-rate"
STYLE = {
    "svg.hashsalt": "holdfast", "font.family": "DejaVu Sans", "font.size": 9,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
    "axes.axisbelow": True, "grid.color": "#e6e6e6", "legend.frameon": False,
    "figure.facecolor": "white",
}


def write(results: dict, folder: pathlib.Path) -> list[pathlib.Path]:
    """Draws what the results hold; returns the files."""
    import matplotlib  # Only who wants plots needs it.
    matplotlib.use("svg")
    matplotlib.rcParams.update(STYLE)
    folder.mkdir(parents=True, exist_ok=True)
    figures = {"ports": ports_figure(results), "cpu": cpu_figure(results),
               "latency": latency_figure(results)}
    written = []
    for name, figure in figures.items():
        if figure is not None:
            path = folder / f"{name}.svg"
            figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
            written.append(path)
    return written


def new_figure(columns: int, height: float):
    from matplotlib.figure import Figure
    figure = Figure(figsize=(9, height), layout="constrained")
    return figure, figure.subplots(1, columns, squeeze=False)[0]


def add_legend(figure, panel, columns: int) -> None:
    """Below the panels; saving makes room for it."""
    figure.legend(*panel.get_legend_handles_labels(), loc="upper center", bbox_to_anchor=(0.5, 0),
                  ncols=columns)


def width_of(arm: str) -> float:
    """Ours is broad and lies below, so that what runs along with it is seen."""
    return 3.5 if arm == "holdfast" else 1.4


def ports_figure(results: dict):
    """Backend connections and TIME_WAIT over time: what a machine runs out of."""
    ports = results.get("ports")
    if not ports:
        return None
    figure, panels = new_figure(3, 3.2)
    subjects = {"opened": "backend connections opened so far",
                "time_wait_proxy": "TIME_WAIT on the proxy's machine",
                "time_wait_backend": "TIME_WAIT on the backend's machine"}
    for panel, (key, title) in zip(panels, subjects.items()):
        for arm, row in ports.items():
            panel.plot([sample["seconds"] for sample in row["samples"]],
                       [sample[key] for sample in row["samples"]], color=ARMS[arm].colour,
                       linewidth=width_of(arm), zorder=4 - width_of(arm),
                       linestyle=(0, (4, 3)) if arm in ("nginx", "haproxy") else "-",
                       label=named_with_errors(arm, row))
        panel.set_title(title, loc="left", fontsize=9)
        panel.set_xlabel("seconds")
        panel.set_ylim(bottom=0)
        panel.set_xlim(left=0)
    add_legend(figure, panels[0], columns=3)
    return figure


def named_with_errors(arm: str, row: dict) -> str:
    errors = f" ({row['errors']:,} of {row['requests']:,} failed)" if row["errors"] else ""
    return ARMS[arm].title + errors


def cpu_figure(results: dict):
    """CPU per request beside tuned nginx's, a group of bars for each workload."""
    groups = {name: rows for name, rows in results["workloads"].items()
              if rows.get(report.BASE, {}).get("cpu_us")}
    arms = [arm for arm in ARMS if arm not in ("direct", report.BASE)
            and any(arm in rows for rows in groups.values())]
    if not groups or not arms:
        return None
    figure, (panel,) = new_figure(1, 0.8 + 0.11 * len(groups) * (len(arms) + 1.5))
    step = 1 / (len(arms) + 1.5)
    for number, arm in enumerate(arms):
        places, ratios = [], []
        for group, rows in enumerate(groups.values()):
            if arm in rows:
                places.append(group + number * step)
                ratios.append(report.ratio(rows[arm], rows, report.BASE))
        panel.barh(places, [min(value, MOST_SHOWN) for value in ratios], height=step * 0.9,
                   color=ARMS[arm].colour, label=ARMS[arm].title)
        for place, value in zip(places, ratios):
            panel.text(min(value, MOST_SHOWN) + 0.02, place, f"{value:.2f}", va="center",
                       fontsize=7, fontweight="bold" if arm == "holdfast" else "normal",
                       bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.3})
    panel.axvline(1, color=ARMS[report.BASE].colour, linewidth=1.6, label=ARMS[report.BASE].title)
    panel.set_yticks([group + step * (len(arms) - 1) / 2 for group in range(len(groups))],
                     [WORKLOADS[name].title for name in groups])
    panel.set_title("CPU per request of the proxy, beside tuned nginx (less is better)",
                    loc="left", fontsize=9)
    panel.set_xlim(0, MOST_SHOWN * 1.06)
    panel.grid(axis="y", visible=False)
    panel.set_ylim(len(groups) - step, -step)
    add_legend(figure, panel, columns=3)
    return figure


def latency_figure(results: dict):
    """Percentiles where all arms get the same requests per second."""
    rows = results["workloads"].get(RATE_WORKLOAD)
    if not rows:
        return None
    figure, (panel,) = new_figure(1, 3.2)
    step = 1 / (len(rows) + 1.5)
    for number, (arm, row) in enumerate(rows.items()):
        values = [(row[key] or 0) / 1000 for key in ("p50_us", "p99_us", "p999_us")]
        places = [group + number * step for group in range(3)]
        panel.bar(places, values, width=step * 0.9, color=ARMS[arm].colour, label=ARMS[arm].title)
        for place, value in zip(places, values):
            panel.text(place, value, f"{value:.1f}", ha="center", va="bottom", fontsize=7)
    panel.set_xticks([group + step * (len(rows) - 1) / 2 for group in range(3)],
                     ["p50", "p99", "p99.9"])
    panel.set_ylabel("milliseconds")
    panel.grid(axis="x", visible=False)
    panel.set_title(f"Latency at {WORKLOADS[RATE_WORKLOAD].title}", loc="left", fontsize=9)
    add_legend(figure, panel, columns=4)
    return figure
