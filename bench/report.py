"""Writes docs/benchmarks.json, docs/benchmarks.md and docs/bench-*.svg from what bench/run has measured, and the tables of
README.md and docs/drain.md that say the same in short."""

import json
import statistics
import string
import subprocess
import sys

from limit_body.pages import fill, table

TITLES = {"module": "limit_body", "nginx": "nginx alone", "floor": "the kernel alone"}
PROTOCOLS = {"h1": "HTTP/1.1", "tls": "HTTP/1.1, TLS 1.3", "h2": "HTTP/2, TLS 1.3"}


def write(top, out, load, parts, versions):
    """PARTS: whose figures there must be, in OUT; VERSIONS: of the servers, by name."""
    measured = {}
    for part in parts:
        file = out / f"{part}.json"
        if not file.exists():
            sys.exit(f"error: {part} has not been measured: make bench PARTS={part}")
        measured[part] = json.loads(file.read_text())
    made_of = [part["made_of"] for part in measured.values()]
    for key in made_of[0]:
        if len({str(it[key]) for it in made_of}) > 1:
            differing = ", ".join(f"{part}: {it['made_of'][key]}" for part, it in measured.items())
            sys.exit(
                f'error: the parts are not of one run, "{key}" differs ({differing}). make bench measures all anew.'
            )

    name = {**{key: version for key, version in versions.items()}, **TITLES}
    figures = {"made_of": {**made_of[0], "date": max(part["date"] for part in measured.values()), "servers": versions}}
    for part, it in measured.items():
        # Rounds have an order of their own.
        figures[part] = sorted((row(part, it, name) for it in it["rows"]), key=place)
    compare(figures)
    figures["capacity"] = capacity(figures)

    docs = top / "docs"
    file = docs / "benchmarks.json"
    told = {part: list(map(told_row, it)) if part in measured else it for part, it in figures.items()}
    file.write_text(json.dumps(told, indent=1) + "\n")
    subprocess.run([load, "plot", file, docs], check=True)
    template = string.Template((top / "bench" / "benchmarks.md").read_text())
    (docs / "benchmarks.md").write_text(template.substitute(tables(figures)))
    fill(top / "README.md", headlines(figures))
    fill(docs / "drain.md", reading_on(figures))
    print(f"==> {file.relative_to(top)}, docs/benchmarks.md, docs/bench-*.svg; README.md, docs/drain.md", flush=True)


# What is called how in the rounds, and in docs/benchmarks.json: with the unit in its name.
CALLED = {
    "refusals": {"per_second": "refusals_per_second", "cpu_us": "cpu_us_per_refusal", "server_busy": "server_busy"},
    "growth": {"per_second": "refusals_per_second", "cpu_us": "cpu_us_per_refusal", "server_busy": "server_busy"},
    "drain": {"cpu_seconds_per_gb": "cpu_seconds_per_gb", "gb_per_second": "gb_per_second"},
    "accepted": {"per_second": "uploads_per_second", "cpu_us": "cpu_us_per_upload", "server_busy": "server_busy"},
    "instructions": {"instructions": "instructions_per_upload"},
    "memory": {"bytes": "worker_bytes"},
}


def row(part, it, name):
    """One row of docs/benchmarks.json: the median of its turns, the lowest and the highest; and, under "turns", all of them."""
    rounds = it.pop("rounds")
    if "server" in it:
        it["name"] = name.get(it["server"], it["server"])
    for measured, called in CALLED[part].items():
        values = [values.get(measured) for values in rounds]
        it.setdefault("turns", {})[called] = values
        it[called] = spread(values) if None not in values else None
    if part == "memory":
        it["worker_bytes_per_connection"] = spread([values["bytes"] / it["connections"] for values in rounds])
    if part == "accepted":
        it["mb_per_second"] = spread([values["per_second"] * it["body_bytes"] / 1e6 for values in rounds])
    errors = {}
    for values in rounds:
        for what, count in values.get("errors", {}).items():
            errors[what] = errors.get(what, 0) + count
    if errors:
        it["errors"] = errors
    return it


def told_row(it):
    return {key: value for key, value in it.items() if key != "turns"}


def spread(values):
    return {"median": rounded(statistics.median(values)), "low": rounded(min(values)), "high": rounded(max(values))}


def rounded(value):
    return float(f"{value:.4g}") if value < 10000 else round(value)


def share(of, to, figure):
    """What one row is of another: the median of the ratios within a turn; None where one of them is missing."""
    if of and to and of[figure] and to[figure] and to[figure]["low"]:
        turns = zip(of["turns"][figure], to["turns"][figure], strict=True)
        return round(statistics.median(this / other for this, other in turns), 3)
    return None


def compare(figures):
    """Adds ratios to what each row is held against."""
    for part, keys, base, ratios in (
        (
            "refusals",
            ("protocol", "keepalive"),
            {"server": "nginx"},
            {"ratio": "refusals_per_second", "ratio_cpu": "cpu_us_per_refusal"},
        ),
        (
            "growth",
            ("protocol", "connections"),
            {"server": "nginx"},
            {"ratio": "refusals_per_second", "ratio_cpu": "cpu_us_per_refusal"},
        ),
        ("drain", ("case",), {"server": "nginx"}, {"ratio": "gb_per_second", "ratio_cpu": "cpu_seconds_per_gb"}),
        ("refusals", ("protocol", "keepalive"), {"server": "floor"}, {"ratio_cpu_floor": "cpu_us_per_refusal"}),
        ("growth", ("protocol", "connections"), {"server": "floor"}, {"ratio_cpu_floor": "cpu_us_per_refusal"}),
        ("drain", ("case",), {"server": "floor"}, {"ratio_cpu_floor": "cpu_seconds_per_gb"}),
        (
            "accepted",
            ("body_bytes",),
            {"variant": "not loaded"},
            {"ratio": "uploads_per_second", "ratio_cpu": "cpu_us_per_upload"},
        ),
        ("instructions", ("case",), {"variant": "not loaded"}, {"ratio": "instructions_per_upload"}),
        ("instructions", ("case",), {"variant": "fixed limit"}, {"ratio_fixed_limit": "instructions_per_upload"}),
        ("memory", ("protocol", "connections"), {"server": "nginx"}, {"ratio": "worker_bytes"}),
    ):
        for it in figures[part]:
            to = find(figures[part], **{key: it[key] for key in keys}, **base)
            for name, figure in ratios.items():
                it[name] = share(it, to, figure)


def find(rows, **wanted):
    return next((row for row in rows if all(row.get(key) == value for key, value in wanted.items())), None)


def capacity(figures):
    """What a worker's core and its memory last for, of this module: medians."""
    protocols = {"http1": "h1", "http1_tls": "tls", "http2_tls": "h2"}
    cases = {
        "http1": "plain, Content-Length",
        "http1_tls": "TLS 1.3, Content-Length",
        "http1_chunked": "plain, chunks of 64 KiB",
        "http1_tls_chunked": "TLS 1.3, chunks of 64 KiB",
        "http2_tls": "HTTP/2, TLS 1.3",
        "http2": "HTTP/2, cleartext",
    }
    module = {"server": "module"}
    return {
        "cpu_us_per_refusal": {
            key: find(figures["refusals"], protocol=protocol, keepalive=protocol == "h2", **module)[
                "cpu_us_per_refusal"
            ]["median"]
            for key, protocol in protocols.items()
        },
        "cpu_seconds_per_drained_gb": {
            key: find(figures["drain"], case=case, **module)["cpu_seconds_per_gb"]["median"]
            for key, case in cases.items()
        },
        "worker_bytes_per_draining_connection": {
            key: find(figures["memory"], protocol=protocol, connections=10000, **module)["worker_bytes_per_connection"][
                "median"
            ]
            for key, protocol in protocols.items()
        },
    }


def tables(figures):
    """What the template has places for."""
    made_of = figures["made_of"]
    return {
        **made_of,
        "servers": ", ".join(made_of["servers"].values()),
        "refusals_rate": refusals(figures, "refusals_per_second", "ratio"),
        "refusals_cpu": refusals(figures, "cpu_us_per_refusal", "ratio_cpu"),
        "refusals_errors": errors(
            figures["refusals"], lambda it: f"{it['name']}, {PROTOCOLS[it['protocol']]}{kept(it)}"
        ),
        "growth": growth(figures),
        "growth_errors": errors(
            figures["growth"],
            lambda it: f"{it['name']}, {PROTOCOLS[it['protocol']]}, {it['connections']:,} connections",
        ),
        "drain_cpu": drain(figures, "cpu_seconds_per_gb", "ratio_cpu"),
        "drain_rate": drain(figures, "gb_per_second", "ratio"),
        "floor": floor(figures),
        "drain_errors": errors(figures["drain"], lambda it: f"{it['name']}, {it['case']}"),
        "accepted": accepted(figures),
        "instructions": instructions(figures),
        "time_limit": time_limit(figures),
        "memory": memory(figures),
    }


def shown(figure, ratio=None):
    """A median, its spread, and what it is of another."""
    if not figure or not figure["high"]:
        return "does not"
    text = f"{number(figure['median'])} ({number(figure['low'])}–{number(figure['high'])})"
    return f"{text}, **{ratio:.2f}**" if ratio is not None else text


def number(value):
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def unique(rows, key):
    return list(dict.fromkeys(row[key] for row in rows))


# This module first, then what it is held against.
FIRST = ["module", "nginx", "floor"]
VARIANTS = ["not loaded", "loaded", "fixed limit", "limit from a map", "with a zone", "dry run", "fixed limit, and a time"]


def place(row):
    if "variant" in row:
        return VARIANTS.index(row["variant"]), ""
    return (FIRST.index(row["server"]), "") if row["server"] in FIRST else (len(FIRST), row["server"])


def kept(it):
    return ", kept" if it["keepalive"] and it["protocol"] != "h2" else ""


def refusals(figures, figure, ratio):
    columns = {
        "HTTP/1.1": ("h1", False),
        "HTTP/1.1, kept": ("h1", True),
        "TLS 1.3": ("tls", False),
        "HTTP/2, TLS": ("h2", True),
    }
    rows = []
    for server in unique(figures["refusals"], "server"):
        cells = [
            find(figures["refusals"], server=server, protocol=protocol, keepalive=keepalive)
            for protocol, keepalive in columns.values()
        ]
        # The kernel alone was not asked for more than HTTP/1.1.
        nothing = "" if server == "floor" else shown(None)
        rows.append([cells[0]["name"], *(shown(it[figure], it[ratio]) if it else nothing for it in cells)])
    return table(["", *columns], rows)


def growth(figures):
    rows = []
    for protocol, title in PROTOCOLS.items():
        for connections in unique(figures["growth"], "connections"):
            it, alone, kernel = (
                find(figures["growth"], protocol=protocol, connections=connections, server=server)
                for server in ("module", "nginx", "floor")
            )
            rows.append(
                [
                    title,
                    f"{connections:,}",
                    shown(alone["refusals_per_second"]),
                    shown(it["refusals_per_second"], it["ratio"]),
                    shown(alone["cpu_us_per_refusal"]),
                    shown(it["cpu_us_per_refusal"], it["ratio_cpu"]),
                    shown(kernel["cpu_us_per_refusal"], kernel["ratio_cpu"]) if kernel else "",
                ]
            )
    rates, times = ["nginx alone, a second", "limit_body, a second"], ["nginx alone, µs", "limit_body, µs"]
    return table(["", "at a time", *rates, *times, "the kernel alone, µs"], rows)


def drain(figures, figure, ratio):
    names = unique(figures["drain"], "server")
    rows = []
    for case in unique(figures["drain"], "case"):
        cells = [find(figures["drain"], server=server, case=case) for server in names]
        rows.append([case, *(("" if it is None else shown(it[figure], it[ratio])) for it in cells)])
    titles = [find(figures["drain"], server=server)["name"] for server in names]
    return table(["", *titles], rows)


def floor(figures):
    """CPU time as a multiple of what the kernel alone takes, wherever that was measured."""
    titles = {it["server"]: it["name"] for it in figures["refusals"] if it["server"] != "floor"}
    parts = {
        "refusals": ("keepalive", lambda it: f"refuse 2 KiB{kept(it)}"),
        "growth": ("connections", lambda it: f"refuse 2 KiB, {it['connections']:,} at a time"),
        "drain": ("case", lambda it: f"read 2 GiB, {it['case']}"),
    }
    rows = []
    for part, (key, title) in parts.items():
        for kernel in (it for it in figures[part] if it["server"] == "floor"):
            of = {name: kernel[name] for name in (key, "protocol") if name in kernel}
            cells = [find(figures[part], server=server, **of) for server in titles]
            ratios = [it and it["ratio_cpu_floor"] for it in cells]
            rows.append([title(kernel), *("" if ratio is None else f"{ratio:.2f}" for ratio in ratios)])
    return table(["", *titles.values()], rows)


# What nginx does not drain is held against what it accepts.
ACCEPTED = {case: f"{case}, accepted" for case in ("HTTP/2, TLS 1.3", "HTTP/2, cleartext", "HTTP/3")}


def held_against(figures, case):
    """The drain of a case, and what nginx alone takes for it."""
    module = find(figures["drain"], server="module", case=case)
    return module, find(figures["drain"], server="nginx", case=ACCEPTED.get(case, case))


def headlines(figures):
    """CPU time as a multiple of nginx's own, for README.md."""

    def refusal(protocol, keepalive):
        module = find(figures["refusals"], server="module", protocol=protocol, keepalive=keepalive)
        return f"{module['ratio_cpu']:.2f}"

    def drained(case):
        return f"{share(*held_against(figures, case), 'cpu_seconds_per_gb'):.2f}"

    rows = [
        ["refuse 2 KiB", refusal("h1", False), refusal("tls", False), refusal("h2", True)],
        [
            "read on to the end of 2 GiB",
            drained("plain, Content-Length"),
            drained("TLS 1.3, Content-Length"),
            drained("HTTP/2, TLS 1.3") + " of what an accepted upload takes",
        ],
        ["the same in chunks", drained("plain, chunks of 64 KiB"), drained("TLS 1.3, chunks of 64 KiB"), ""],
    ]
    return {"make bench": table(["CPU time, as a multiple of nginx's, to", "HTTP/1.1", "TLS 1.3", "HTTP/2, TLS 1.3"], rows)}


def reading_on(figures):
    """What it takes to read on, without the module and with it, for docs/drain.md."""
    tables = {"reading on": [], "reading on, HTTP/2": []}
    for case in unique(figures["drain"], "case"):
        module, nginx = held_against(figures, case)
        if module is None:
            continue
        cpu, rate = (
            [number(it[figure]["median"]) for it in (nginx, module)] for figure in ("cpu_seconds_per_gb", "gb_per_second")
        )
        row = [case, " → ".join(cpu), f"{share(module, nginx, 'cpu_seconds_per_gb'):.2f}", " → ".join(rate)]
        tables["reading on, HTTP/2" if case in ACCEPTED else "reading on"].append(row)
    head = ["", "CPU seconds per GB", "ratio", "GB per second"]
    return {name: table(head, rows) for name, rows in tables.items()}


def errors(rows, title):
    """What else there was than right answers."""
    lines = []
    for it in rows:
        if it.get("errors"):
            what = "; ".join(f"{what}: {count:,}" for what, count in sorted(it["errors"].items()))
            lines.append(f"- {title(it)}: {what}")
    return "\n".join(lines) or "- none"


def accepted(figures):
    rows = []
    for variant in unique(figures["accepted"], "variant"):
        cells = [find(figures["accepted"], variant=variant, body_bytes=size) for size in (1024, 1 << 20, 64 << 20)]
        rows.append(
            (
                variant,
                [
                    variant,
                    shown(cells[0]["uploads_per_second"], cells[0]["ratio"]),
                    shown(cells[0]["cpu_us_per_upload"], cells[0]["ratio_cpu"]),
                    shown(cells[1]["mb_per_second"], cells[1]["ratio"]),
                    shown(cells[1]["cpu_us_per_upload"], cells[1]["ratio_cpu"]),
                    shown(cells[2]["mb_per_second"], cells[2]["ratio"]),
                    shown(cells[2]["cpu_us_per_upload"], cells[2]["ratio_cpu"]),
                ],
            )
        )
    head = ["", "1 KiB, a second", "CPU µs", "1 MiB, MB/s", "CPU µs", "64 MiB, MB/s", "CPU µs"]
    return table(head, [row for _, row in sorted(rows, key=lambda it: VARIANTS.index(it[0]))])


def instructions(figures):
    cases = unique(figures["instructions"], "case")
    rows = []
    for variant in VARIANTS:
        cells = [find(figures["instructions"], variant=variant, case=case) for case in cases]
        rows.append(
            [variant, *(f"{number(it['instructions_per_upload']['median'])}, **{it['ratio']:.3f}**" for it in cells)]
        )
    return table(["", *cases], rows)


def time_limit(figures):
    """What a limit of the time takes beside one of the size."""
    timed = [it for it in figures["instructions"] if it["variant"] == VARIANTS[-1]]
    return "; ".join(f"{it['case']}: **{it['ratio_fixed_limit']:.3f}**" for it in timed)


def memory(figures):
    rows = []
    for protocol, title in PROTOCOLS.items():
        for connections in unique(figures["memory"], "connections"):
            cells = [
                find(figures["memory"], protocol=protocol, connections=connections, server=server)
                for server in ("nginx", "module")
            ]
            sizes = [f"{it['worker_bytes']['median'] / 1024:,.0f}" if it else "does not" for it in cells]
            each = [
                f"{it['worker_bytes_per_connection']['median']:,.0f}" if it and connections >= 1000 else ""
                for it in cells
            ]
            ratio = f", **{cells[1]['ratio']:.2f}**" if cells[1]["ratio"] and connections >= 1000 else ""
            rows.append([title, f"{connections:,}", sizes[0], sizes[1] + ratio, *each])
    return table(
        ["", "at a time", "nginx alone, KiB", "limit_body, KiB", "nginx alone, bytes each", "limit_body, bytes each"],
        rows,
    )
