"""Charts as inline SVG, drawn for paper as well: dark on white, marks differ in shape and dash and not by colour alone."""
import html
import math

WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BOTTOM = 66, 16, 14, 46
COLOURS = ("#0b5394", "#b45f06", "#38761d", "#741b47")
DASHES = ("", "6 4", "2 3", "8 3 2 3")


def number(value):
    """1234567 -> 1.23 M, short enough for an axis."""
    if value == 0:
        return "0"
    for limit, unit in ((1e9, " G"), (1e6, " M"), (1e4, " k")):
        if abs(value) >= limit:
            return f"{value / (limit if unit != ' k' else 1e3):.3g}{unit}"
    return f"{value:.4g}" if abs(value) >= 1000 else f"{value:.3g}"


def nice_step(span, count):
    raw = span / count
    power = 10 ** math.floor(math.log10(raw))
    return next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= raw * 0.999)


class Axis:
    def __init__(self, low, high, start, end, log):
        self.log, self.start, self.end = log, start, end
        if log:
            self.low, self.high = low, high
            powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
            marks = (1, 2, 5) if math.log10(high / low) < 2.2 else (1,)
            self.ticks = [m * 10.0 ** p for p in powers for m in marks if low * 0.999 <= m * 10.0 ** p <= high * 1.001]
        else:
            step = nice_step(max(high - low, 1e-9), 5)
            self.low, self.high = low, high
            self.ticks = [low + i * step for i in range(int((high - low) / step + 1e-9) + 1)]

    def __call__(self, value):
        if self.log:
            part = math.log(max(value, self.low * 0.5) / self.low) / max(1e-9, math.log(self.high / self.low))
        else:
            part = (value - self.low) / max(1e-12, self.high - self.low)
        return self.start + min(1.02, max(-0.02, part)) * (self.end - self.start)


def marker(x, y, kind, colour):
    if kind == 0:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.4" fill="{colour}"/>'
    if kind == 1:
        return f'<rect x="{x - 3:.1f}" y="{y - 3:.1f}" width="6.4" height="6.4" fill="#fff" stroke="{colour}" stroke-width="1.6"/>'
    return f'<path d="M{x:.1f} {y - 4.5:.1f}l4.4 8h-8.8z" fill="{colour}"/>'


def chart(title, x_label, y_label, series, x_log=False, y_log=False, band=None, lines=(), y_zero=True):
    """series: [(name, [(x, y)], {"line": bool, "marks": bool})]; band: [(x, low, high)]; lines: [("h" | "v", value, text)]."""
    points = [p for _, rows, _ in series for p in rows]
    if not points:
        return ""
    xs = [p[0] for p in points]
    ys = [p[1] for p in points] + [b[2] for b in band or ()] + [v for kind, v, _ in lines if kind == "h"]
    x_low = min(xs) if x_log else min(0, min(xs))
    y_low = min(y for y in ys if y > 0) * 0.8 if y_log else (0 if y_zero else min(ys))
    xa = Axis(x_low, max(xs) * (1 if x_log else 1.02), LEFT, WIDTH - RIGHT, x_log)
    ya = Axis(y_low, max(ys) * (1.25 if y_log else 1.05), HEIGHT - BOTTOM, TOP, y_log)
    out = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(title)}"><title>{html.escape(title)}</title>']
    for t in ya.ticks:
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{ya(t):.1f}" y2="{ya(t):.1f}" class="grid"/>'
                   f'<text x="{LEFT - 6}" y="{ya(t) + 4:.1f}" text-anchor="end">{number(t)}</text>')
    for t in xa.ticks:
        out.append(f'<line y1="{TOP}" y2="{HEIGHT - BOTTOM}" x1="{xa(t):.1f}" x2="{xa(t):.1f}" class="grid"/>'
                   f'<text x="{xa(t):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{number(t)}</text>')
    out.append(f'<path d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}" class="axis"/>')
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 10}" text-anchor="middle" class="label">{html.escape(x_label)}</text>')
    out.append(f'<text transform="translate(15 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle" class="label">{html.escape(y_label)}</text>')
    if band:
        path = " ".join(f"{xa(x):.1f},{ya(h):.1f}" for x, _, h in band) + " " + " ".join(f"{xa(x):.1f},{ya(l):.1f}" for x, l, _ in reversed(band))
        out.append(f'<polygon points="{path}" class="band"/>')
    for kind, value, text in lines:
        if kind == "h":
            out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{ya(value):.1f}" y2="{ya(value):.1f}" class="limit"/>'
                       f'<text x="{WIDTH - RIGHT - 4}" y="{ya(value) - 5:.1f}" text-anchor="end" class="limit-text">{html.escape(text)}</text>')
        else:
            side = "end" if xa(value) > WIDTH * 0.6 else "start"
            out.append(f'<line y1="{TOP}" y2="{HEIGHT - BOTTOM}" x1="{xa(value):.1f}" x2="{xa(value):.1f}" class="limit"/>'
                       f'<text x="{xa(value) + (-5 if side == "end" else 5):.1f}" y="{TOP + 12}" text-anchor="{side}" class="limit-text">{html.escape(text)}</text>')
    for i, (_, rows, style) in enumerate(series):
        colour = COLOURS[i % len(COLOURS)]
        if style.get("line", True) and len(rows) > 1:
            path = " ".join(f"{xa(x):.1f},{ya(y):.1f}" for x, y in rows)
            out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8" stroke-dasharray="{DASHES[i % len(DASHES)]}"/>')
        if style.get("marks", True):
            out += [marker(xa(x), ya(y), i % 3, colour) for x, y in rows]
    out.append("</svg>")
    legend = "".join(f'<span><svg viewBox="0 0 34 10" class="key">'
                     + (f'<line x1="0" x2="34" y1="5" y2="5" stroke="{COLOURS[i % 4]}" stroke-width="1.8" stroke-dasharray="{DASHES[i % 4]}"/>' if style.get("line", True) else "")
                     + (marker(17, 5, i % 3, COLOURS[i % 4]) if style.get("marks", True) else "") + f"</svg>{html.escape(name)}</span>"
                     for i, (name, _, style) in enumerate(series))
    return f'<figure><figcaption>{html.escape(title)}</figcaption>{"".join(out)}<div class="legend">{legend}</div></figure>'
