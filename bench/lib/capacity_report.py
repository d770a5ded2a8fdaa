"""The report: one HTML file that needs nothing else, readable on paper. Every number comes from the JSON beside it."""
import report_pg
import svg
from page import CSS, count, esc, ms, share, spread, table, us


def headline(data):
    """One sentence for a terminal and the top of the report."""
    knee, peak = data["knee"], data["peak"]
    if not knee["holds"]:
        return (f"No rate keeps p99 below {knee['slo_p99_ms']:g} ms: the lowest tried, {knee['ladder'][0]['offered']:,} calls/s, has {knee['ladder'][0]['p99_ms']:.1f} ms. "
                f"Peak {peak['rate']['median']:,.0f} calls/s at {peak['cpu_us']['median']:.1f} us of server CPU a call.")
    upper = f"{knee['fails']:,} does not" if knee["fails"] else "no rate that failed was found"
    return (f"One worker holds {knee['holds']:,} calls/s at p99 < {knee['slo_p99_ms']:g} ms ({upper}); peak {peak['rate']['median']:,.0f} calls/s "
            f"at {peak['cpu_us']['median']:.1f} us of server CPU a call.")


def over_pg(data):
    return data.get("driver") == "pg"


def commit_words(data):
    """What a commit of many records is called there."""
    return "transaction" if over_pg(data) else "sync"


def foreign(data):
    """Cores that were busy with other things, over the open-loop points and the peak."""
    rows = data["knee"]["ladder"] + [data["peak"]]
    return sum(r["foreign_share"] for r in rows) / len(rows)


def warnings(data):
    found = []
    busy = data["machine"]["busy_cores_before"]
    if busy > 0.2 or foreign(data) > 0.35:
        found.append(f"<b>The machine was not quiet.</b> {busy:.1f} of its {data['machine']['cores']} cores were busy before this began, and about {foreign(data):.1f} with other "
                     "things (kernel work that is nobody's included) while it ran. Latencies and the knee are worse than they would be on a machine of its own, sync times above all; CPU per call is affected least. "
                     "Measure again before you buy by these figures.")
    gone = data["alone"]["stalls"]
    if gone["lost_share"] > 0.002:
        found.append(f"<b>This machine stands still by itself:</b> a core that did nothing but look at the clock was gone for more than 1 ms {gone['per_second']:.1f} times a second. "
                     "High percentiles are those of the machine.")
    if data["machine"]["build_type"] != "Release":
        found.append(f"The build is of type {esc(data['machine']['build_type'])}, not Release.")
    if data["bottleneck"]["name"] == "the load generator" and data["bottleneck"]["saturated"]:
        found.append("The load generator was the busiest part: the peak is a lower bound.")
    if data["quick"]:
        found.append("A quick run: short measurements, few rounds, wide uncertainty.")
    if data["machine"]["virtual"]:
        found.append("A virtual machine: neighbours and the hypervisor's disk cache are part of what was measured.")
    return found + [esc(e) for e in data["errors"]]


def head(data):
    m = data["machine"]
    notes = "".join(f"<p>{w}</p>" for w in warnings(data))
    note = f"<p>{esc(data['note'])}</p>" if data.get("note") else ""
    return f"""<h1>Capacity of sessiond on this machine</h1><p class=sub>{esc(m['cpu'])}, {m['cores']} cores, {m['memory_gib']} GiB, {esc(m['filesystem'])} &middot;
{esc(data['started'])} &middot; commit {esc(m['commit'])}</p><div class=box><p><b>{esc(headline(data))}</b></p>{note}</div>
{f'<div class="box warn">{notes}</div>' if notes else ''}{tiles(data)}"""


def tiles(data):
    knee, peak, half = data["knee"], data["peak"], data["knee"]["half"]
    at = knee["at"]
    rows = [(count(knee["holds"]) if knee["holds"] else "none", f"calls/s at p99 &lt; {knee['slo_p99_ms']:g} ms, one worker"),
            (count(peak["rate"]["median"]), f"calls/s at most, {peak['n']} calls in flight"),
            (us((at or peak)["cpu_us"]["median"]) + " us", f"server CPU a call at the {'knee' if at else 'peak'}, of which {us(data['signature_us'])} us are its signature"),
            (ms(half["p99_ms"]) + " ms" if half else "-", f"p99 at half the knee, {half['p99_ms'] / max(1e-9, half['p50_ms']):.1f} x its p50" if half else "no knee, no half of it"),
            (f"{data['memory']['kib_per_connection']:.1f} KiB", "memory of an idle HTTP/2 connection"),
            report_pg.tile(at or peak) if over_pg(data) else (f"{data['per_session']['disk_bytes']:.0f} B", "disk a session")]
    return '<div class=big>' + "".join(f"<div><b>{b}</b><span>{s}</span></div>" for b, s in rows) + "</div>"


def worst(ladder, key):
    """A rate that was tried several times counts with its worst run."""
    rows = {}
    for r in ladder:
        rows[r["offered"]] = max(r[key], rows.get(r["offered"], 0))
    return sorted(rows.items())


def knee_part(data):
    knee = data["knee"]
    ladder = knee["ladder"]
    slo = knee["slo_p99_ms"]
    lines = [("h", slo, f"SLO: p99 < {slo:g} ms")]
    if knee["holds"]:
        lines.append(("v", knee["holds"], f"knee: {knee['holds']:,}/s"))
    chart = svg.chart("Latency by offered rate (open loop, Poisson arrivals)", "calls per second offered", "ms",
                      [(label, worst(ladder, key), {}) for label, key in (("p50", "p50_ms"), ("p99", "p99_ms"), ("p99.9", "p99_9_ms"))],
                      y_log=True, lines=lines)
    repeated = len({r["offered"] for r in ladder}) < len(ladder)
    rows = [[count(r["offered"]), ms(r["p50_ms"]), ms(r["p90_ms"]), ms(r["p99_ms"]), ms(r["p99_9_ms"]), ms(r["p99_99_ms"]), ms(r["max_ms"]), us(r["cpu_us"]["median"]),
             share(r["loop_share"]), f"{r['syncs_per_second']:,.0f} x {r['records_per_sync']:.1f}", "yes" if r["held"] else "<b>no</b>"] for r in ladder]
    found = ", found by halving" if knee["holds"] and knee["fails"] else ""
    return f"""<h2>How much it takes: the knee under the SLO</h2>
<p>Calls come at random times (Poisson) at a given rate whether or not earlier ones are answered, and latency counts from the time a call was due: a stall delays every call
that it would have delayed for real clients. The knee is where a rate that keeps the SLO meets one that does not{found}.</p>{chart}
{'<p class=note>Up to the knee and next to it two of three runs decide; the chart shows the worst one.</p>' if repeated else ''}
{table('All rates tried, in milliseconds', ['offered/s', 'p50', 'p90', 'p99', 'p99.9', 'p99.99', 'max', 'CPU us', 'loop busy', f'{commit_words(data)}s/s x records', 'SLO held'], rows)}{alone_part(data)}"""


COMMIT_TEXT = "A commit waits for two, a call for the rest of the commit before its own too: that is the floor under the latencies above."


def alone_part(data):
    """What the machine does by itself: a floor under every latency."""
    stalls, sync, half = data["alone"]["stalls"], data["alone"]["sync_ms"], data["knee"]["half"]
    shown = f" At half the knee p99 is {half['p99_ms'] / max(1e-9, half['p50_ms']):.1f} x p50." if half else ""
    return f"""<p><b>The machine alone</b>, before anything of ours ran: a core that only asked for the time stood still for longer than 1 ms {stalls['per_second']:.1f} times a second
({stalls['lost_share'] * 100:.2f} % of the time), and one sync of 4 KiB took {ms(sync['p50'])} ms (p50), {ms(sync['p90'])} (p90), {ms(sync['p99'])} (p99), {ms(sync['p99_9'])} ms (p99.9). {report_pg.commit_text(data) if over_pg(data) else COMMIT_TEXT}{shown}</p>{stalls_part(data)}"""


def stalls_part(data):
    """Commits of 100 ms or longer, of all servers of the report; one of a version before did not look."""
    if not data.get("slow_commits"):
        return ""
    rows = [[esc(cause), count(number), f"{longest:,}"] for cause, number, longest in data["slow_commits"]]
    return f"""<p>Commits that took 100 ms or longer, in all runs of this report, and what most of each was a wait for (store_slow_commit in the log):</p>
{table('Commits that took long', ['they waited', 'commits', 'the longest, ms'], rows)}"""


def limit_part(data):
    b, k = data["bottleneck"], data["knee"]["bottleneck"]

    def sentence(where, bottle):
        if bottle is None:
            return ""
        whole = "" if "all cores" in bottle["name"] else f" of one {'device' if 'disk' in bottle['name'] else 'core'}"
        verdict = "it is the bottleneck" if bottle["saturated"] else f"nothing is saturated: calls wait for the {'database' if over_pg(data) else 'disk'}'s answer, for each other or for a core that other processes use, not for capacity of the server"
        return f"<p><b>{where}:</b> the busiest part is {esc(bottle['name'])} ({share(bottle['share'])}{whole}); {verdict}.</p>"

    rows = [[esc(name), share(b["shares"][name]), share(k["shares"][name]) if k else "-"] for name in b["shares"]]
    return f"""<h2>What limits it</h2>{sentence('At the peak', b)}{sentence('At the knee', k)}
{table('Utilisation, from /proc', ['part', 'at the peak', 'at the knee'], rows)}"""


def law_part(data):
    s = data["scalability"]
    points = [(p["n"], p["rate"]["median"]) for p in s["points"]]
    samples = [(p["n"], p["rate"]) for p in s["samples"]]
    series, band, text = [("each run", samples, {"line": False})], None, ""
    if "fit" in s:
        fit, hold = s["fit"], s["holdout"]
        series.append(("fitted law", [(c["n"], c["rate"]) for c in s["curve"]], {"marks": False}))
        series.append((f"holdout, measured after its prediction", [(hold["n"], hold["measured"]["median"])], {"line": False}))
        band = [(c["n"], c["low"], c["high"]) for c in s["curve"]]
        inside = hold["low"] <= hold["measured"]["median"] <= hold["high"]
        left = (f"The law is fitted from {s['fitted_from']:g} calls in flight on: below, group commit makes a step that it does not have (a lone call never waits for the sync of another one; a second one does). "
                if s["left_out"] else "")
        peak = (f"Throughput would be greatest at {fit['peak_n']:,.0f} calls in flight" + (", which is outside what was measured." if fit["peak_n"] > points[-1][0] else f", {fit['peak_rate']:,.0f}/s.")
                if fit["peak_n"] else "No retrograde part is visible: throughput flattens, it does not fall.")
        bad = (f"<p class=refused>The curve misses the mean of a measured point by {share(fit['worst_error'])}: nothing is predicted from it outside or between the points.</p>" if fit["worst_error"] > 0.1 else "")
        rows = [[name, f"{fit[name]:.4g}", f"{fit['intervals'][name][0]:.4g} .. {fit['intervals'][name][1]:.4g}", meaning]
                for name, meaning in (("lambda", "calls/s of the first call in flight"), ("sigma", "contention: what is done one at a time"), ("kappa", "coherence: what grows with each pair"))]
        text = f"""{table('X(n) = &lambda;n / (1 + &sigma;(n-1) + &kappa;n(n-1)), 95 % intervals that hold together (bootstrap)', ['coefficient', 'estimate', 'interval', 'meaning'], rows)}
<p>{left}{peak} R&sup2; = {fit['r2']:.4f}; largest miss of a point's mean {share(fit['worst_error'])}.</p>{bad}
<p><b>Holdout.</b> {hold['n']} calls in flight were left out of the fit. Predicted at {esc(hold['predicted_at'][11:23])}: {count(hold['predicted'])}/s
({count(hold['low'])} .. {count(hold['high'])}). Measured by {esc(hold['measured_at'][11:23])}: {spread(hold['measured'])}/s, off by {hold['error'] * 100:+.1f} %,
{'inside' if inside else '<b>outside</b>'} the interval.</p>"""
    else:
        text = f"<p class=refused>No law is fitted: {esc(s['refused'])}.</p>"
    chart = svg.chart("Throughput by calls in flight (closed loop, one worker)", "calls in flight", "calls per second", series, x_log=True, band=band)
    rows = [[p["n"], spread(p["rate"]), ms(p["p50_ms"]), ms(p["p99_ms"]), us(p["cpu_us"]["median"]), f"{p['records_per_sync']:.1f}", count(p["syncs_per_second"])] for p in s["points"]]
    return f"""<h2>How it scales with concurrency</h2>{chart}{text}
{table(f'Medians of {s["rounds"]} runs each (least .. greatest)', ['in flight', 'calls/s', 'p50 ms', 'p99 ms', 'CPU us a call', f'records a {commit_words(data)}', f'{commit_words(data)}s/s'], rows)}"""


def sweep_row(row):
    return [spread(row["rate"]), spread(row["cpu_us"], us), ms(row["p50_ms"]), ms(row["p99_ms"]), share(row["loop_share"]), share(row["generator_share"])]


SWEEP_HEAD = ["calls/s", "CPU us a call", "p50 ms", "p99 ms", "loop busy", "generator busy"]


def sweeps_part(data):
    one = data["workers"][0]["cpu_us"]["median"]
    charts = (svg.chart("Connections (100 calls in flight, or one each)", "connections", "us CPU a call",
                        [("server CPU a call", [(r["connections"], r["cpu_us"]["median"]) for r in data["connections"]], {})], x_log=True)
              + live_chart(data)
              + svg.chart("Connector latency", "ms until the connector answers", "calls per second",
                          [("throughput, 4 x 64", [(r["latency_ms"], r["rate"]["median"]) for r in data["connector"]], {})])
              + svg.chart("Streams on one connection", "concurrent calls", "calls per second", [("throughput", [(r["streams"], r["rate"]["median"]) for r in data["streams"]], {})], x_log=True))
    shared = any(r["shares_generator_core"] for r in data["workers"])
    workers = table("Workers (16 connections x 32)", ["workers"] + SWEEP_HEAD + ["worth"], [
        [str(r["workers"]) + (" *" if r["shares_generator_core"] else "")] + sweep_row(r) + [f"{r['workers'] * one / r['cpu_us']['median']:.2f} x"] for r in data["workers"]])
    return f"""<h2>What changes the cost</h2><div class=two>{charts}</div>{live_text(data)}{workers}
<p class=note>"Worth": the number of workers, times CPU per call of one worker by that of this many: what they do with a core each.{' * The workers share cores with the load generator: judge by CPU per call, not by calls/s.' if shared else ''}</p>
{table('Connections', ['connections x streams'] + SWEEP_HEAD, [[f"{r['connections']:,} x {r['streams']}"] + sweep_row(r) for r in data['connections']])}
{table('Connector call (stripe, simulated; 4 x 64, so at most 256 calls wait at a time)', ['answers after'] + SWEEP_HEAD, [[f"{r['latency_ms']} ms"] + sweep_row(r) for r in data['connector']])}
{live_tables(data)}"""


def live_chart(data):
    live = [(r["live"], r["rate"]["median"]) for r in data.get("sessions", [])]
    return svg.chart("Live sessions", "live sessions", "calls per second", [("throughput, 4 x 64", live, {})], x_log=True) if live else ""


def live_text(data):
    if "sessions" not in data:
        return ""
    last = data["sessions"][-1]
    flat = last["against_few"]
    return f"""
<p>With {count(last['live'])} live sessions throughput is {flat['rate']['median']:.2f} times ({flat['rate']['min']:.2f} .. {flat['rate']['max']:.2f}) that of a fresh server with few, measured in turn with it; CPU per call
{flat['cpu']['median']:.2f} times ({flat['cpu']['min']:.2f} .. {flat['cpu']['max']:.2f}).</p>"""


def live_tables(data):
    """Of stores that are the server's own."""
    if "sessions" not in data:
        return ""
    return f"""{table('Live sessions (4 x 64)', ['live'] + SWEEP_HEAD + ['against few'], [[count(r['live'])] + sweep_row(r) + [f"{r['against_few']['rate']['median']:.2f} x"] for r in data['sessions']])}
{table('Durability (4 x 64)', ['durability'] + SWEEP_HEAD, [[esc(r['durability'])] + sweep_row(r) for r in data['durability']])}"""


def payments_part(data):
    """Whole payments step by step, and what a write costs those who only read."""
    names = ("p50", "p90", "p99", "p99_9", "max")
    tables = ""
    for j in data["journeys"]:
        rows = [[esc(step["name"])] + [ms(step[p]) for p in names] for step in j["steps"]]
        tables += table(f"{esc(j['name'])}: {count(j['per_second'])} payments/s, {us(j['cpu_us'])} us of server CPU each ({j['calls']:.0f} calls), closed loop, 8 x 32", ["step", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "max ms"], rows)
    beside = report_pg.payments_text(data) if over_pg(data) else reads_text(data, names)
    return f"""<h2>Payments over several steps</h2><p>Each step goes over another connection than the one before it, as from a platform's other process.</p>{tables}{beside}"""


def reads_text(data, names):
    reads = data["reads"]
    added = reads["disk"]["p99"] - reads["process"]["p99"]
    compare = table(f"GetSession beside as many CreateSessionToken calls, {count(reads['journeys_per_second'])}/s of each (open loop, Poisson; medians of {reads['rounds']} runs)",
                    ["commits"] + ["p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "max ms"],
                    [["wait for the disk"] + [ms(reads["disk"][p]) for p in names], ["do not (durability process)"] + [ms(reads["process"][p]) for p in names]])
    return f"""{compare}
<p>A call that writes nothing waits {'no longer' if added <= 0 else f'{ms(added)} ms longer at its 99th percentile'} when commits beside it wait for the disk.</p>"""


def sizing_sentence(row, sizing):
    if "refused" in row:
        return f"<p class=refused><b>{count(row['rate'])} calls/s: refused.</b> {esc(row['refused'])}.</p>"
    core = "core" if row["cores"] == 1 else "cores"
    if "primary_cores" in row:
        return report_pg.sizing_sentence(row, sizing, core)
    edge = report_pg.EDGE if row["edge"] else ""
    grown = row["live_sessions"] > 1.25 * row["live_measured"]
    live = (f"{count(row['live_sessions'])} places in the session table, sessions_max {count(row['sessions_max'])}" + (f" (by arithmetic: {count(row['live_measured'])} were measured)" if grown else ""))
    return (f"<p><b>For {count(row['rate'])} calls/s at p99 &lt; {sizing['p99_ms']:g} ms you need {row['cores']} {core}</b> for the workers ({row['cores_busy']:.2f} .. {row['cores_busy_high']:.2f} of them busy), "
            f"<b>{max(0.1, row['memory_gib']):.1f} GiB</b> of memory for {live} and {sizing['connections']:,} connections, "
            f"and a disk that does <b>{count(row['syncs_per_second'])} syncs/s</b> ({count(row['disk_writes_per_second'])} writes/s as this kernel counts them) and holds <b>{row['disk_gib_live']:.1f} GiB</b> of records, files and all. "
            f"p99 seen: {ms(row['p99_ms'])} ms at {count(row['seen_at'])} calls/s. Uncertainty of the rate: {share(row['uncertainty'])}.{edge}</p>")


LIMITS = {"table": "the session table", "quota": "the quota of all workers", "disk": "the disk"}


def room_text(sizing):
    """For how long a payment holds what it took, and what the settings carry."""
    settings, traffic, payment, carried = sizing["settings"], sizing["traffic"], sizing["payment"], sizing["carries"]
    rows = [[LIMITS[name], given, count(carried[name])] for name, given in (
        ("table", f"sessions_max {settings['store.sessions_max']:,}"),
        ("quota", f"quota_mib {settings['store.quota_mib']:,} x {sizing['workers']} workers"),
        ("disk", f"{sizing['disk_gib']:g} GiB, {sizing['file_factor']:.2f} bytes of file for a byte of records"))]
    return f"""<p><b>These settings carry {count(carried[sizing['binds']])} payments a second; {LIMITS[sizing['binds']]} binds first.</b></p>
<p class=note>A finished payment holds its place in table and on disk for {sizing['hold_seconds']:,.0f} s after its end: closed_seconds is {settings['session.closed_seconds']:g},
and records leave in the order in which they were written, behind one that stays open after gc_age_seconds ({settings['store.gc_age_seconds']:g}). One begun a second takes {sizing['places']:,.0f} places
and {sizing['record_bytes'] / 2 ** 20:.1f} MiB of records: {share(traffic['abandoned'])} are abandoned (ttl_seconds {settings['session.ttl_seconds']:g}), the others take {traffic['payment_seconds']:g} s,
{share(traffic['early'])} are events that no session follows (inbox_seconds {settings['session.inbox_seconds']:g}). All finished ones are taken for {esc(payment['name'])}: {payment['record_bytes']:,.0f} bytes
in {payment['records']:.1f} records. Settings that were not named are the server's defaults.</p>
{table(f"Filled to {share(sizing['pressed'])}, where the server warns", ['what', 'given', 'payments/s'], rows)}"""


def takes_rows(data):
    per = data["per_session"]
    return [['disk per million sessions, their first records alone', f"{per['disk_bytes'] * 1e6 / 2 ** 20:,.0f} MiB"],
            ['memory of a session: session table', f"{per['table_bytes']:.0f} bytes (room for {per['table_capacity']:,.0f} in this run)"],
            ['memory of a session: own of a worker, over the fill', f"{per['own_memory_bytes']:.1f} bytes ({count(per['sessions'])} sessions)"],
            [f"restart with {count(data['restart']['sessions'])} live sessions, until ready", spread(data['restart']['seconds'], lambda v: f"{v:.2f} s")]]


def sizing_part(data):
    sizing = data["sizing"]
    of_table = "" if over_pg(data) else f", the session table at\n{data['per_session']['table_bytes']:.0f} bytes a session"
    return f"""<h2>Sizing</h2><div class=box>{''.join(sizing_sentence(r, sizing) for r in sizing['rows']) or '<p class=refused><b>No size is given:</b> no rate kept the SLO on this machine while this was measured.</p>'}</div>
{report_pg.room_text(sizing) if over_pg(data) else room_text(sizing)}
<p class=note>Cores of the workers alone: the operating system's network work for them is part of their CPU, clients and connectors are not. Memory: each worker's own{of_table}, and connections. Uncertainty: the gap between the last rate that held and the first that did not, or the spread of CPU per call, whichever is wider. Rates beyond the workers measured here are refused: nothing is extrapolated over cores.</p>
{table('What things take', ['', ''], [
    *(report_pg.takes_rows(data) if over_pg(data) else takes_rows(data)),
    ['memory of an idle connection', f"{data['memory']['kib_per_connection']:.1f} KiB ({data['memory']['connections']:,} connections)"],
    ['own memory of a worker after load', f"{data['memory']['worker_kib'] / 1024:.1f} MiB"]])}"""


def method_part(data):
    m = data["machine"]
    facts = [("CPU", f"{m['cpu']}, {m['cores']} cores{' (virtual)' if m['virtual'] else ''}"), ("memory", f"{m['memory_gib']} GiB"), ("disk", m["filesystem"]), ("kernel", m["kernel"]), ("system", m["system"]),
             ("commit", m["commit"]), ("build", m["build_type"]), ("libraries", ", ".join(m["packages"])), ("server", ", ".join(f"{k} {v}" for k, v in data["configuration"].items())),
             ("measured", f"{data['started']} to {data['finished']}")]
    return f"""<h2>Machine, configuration and method</h2><dl>{''.join(f'<dt>{esc(k)}</dt><dd>{esc(v)}</dd>' for k, v in facts)}</dl>
<p>The call is CreateSessionToken over gRPC with distinct merchant_session_ids and a browser's user agent, without a connector's session call except where it says so; plain HTTP/2 on loopback. Every answer is
checked: gRPC status, status_code 200, a token; one wrong answer ends the run without a report. The server's workers and the load generator run on cores of their own where there are enough. CPU per call is user and system time of all server processes
from /proc/PID/stat, by answered calls. Histograms keep three digits. Shares of threads, disk and cores come from /proc as well; "foreign" is what was busy and neither server nor generator.</p>
<p class=note>How the tools themselves are checked: bench/README.md. All numbers: the JSON file beside this one.</p>"""


def html_report(data):
    parts = "".join(part(data) for part in (head, sizing_part, knee_part, limit_part, law_part, sweeps_part, payments_part, method_part))
    return f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Capacity of sessiond</title><style>{CSS}</style>{parts}</html>\n'
