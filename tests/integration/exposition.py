"""A strict reader of Prometheus' text format 0.0.4, written from its description and not from the server's code, and where promtool is."""
import pathlib
import re
import shutil

from harness import SOURCE

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)')
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? ([^ ]+)")
KINDS = {"counter", "gauge", "histogram"}


def promtool():
    """Debian's, from the path or from tests/tools; None where there is none."""
    local = SOURCE / "tests" / "tools" / "promtool"
    return shutil.which("promtool") or (str(local) if pathlib.Path(local).exists() else None)


class Family:
    def __init__(self, name, help_text):
        self.name, self.help, self.kind, self.samples = name, help_text, None, []

    def value(self, /, **labels):
        """Of the one sample with exactly these labels."""
        found, = [value for name, got, value in self.samples if got == labels]
        return found


def labels_of(text):
    labels, at = {}, 0
    while at < len(text):
        match = LABEL.match(text, at)
        assert match, f"labels: {text}"
        assert match[1] not in labels, f"twice {match[1]}: {text}"
        assert not (match[3] == "," and match.end() == len(text)), f"a comma at the end: {text}"
        labels[match[1]] = match[2]
        at = match.end()
    return labels


def own_name(family, name):
    """Does a sample of that name belong to the family?"""
    if family.kind != "histogram":
        return name == family.name
    return name in (family.name + suffix for suffix in ("_bucket", "_sum", "_count"))


def check_histogram(family):
    series = {}
    for name, labels, value in family.samples:
        rest = tuple(sorted((key, text) for key, text in labels.items() if key != "le"))
        series.setdefault(rest, {"le": []})
        if name.endswith("_bucket"):
            series[rest]["le"].append((float(labels["le"]), value))
        else:
            assert "le" not in labels, labels
            series[rest][name.rsplit("_", 1)[1]] = value
    for rest, parts in series.items():
        bounds = [bound for bound, _ in parts["le"]]
        counts = [count for _, count in parts["le"]]
        assert bounds == sorted(set(bounds)) and bounds[-1] == float("inf"), (family.name, rest, bounds)
        assert counts == sorted(counts) and counts[-1] == parts["count"], (family.name, rest, counts)
        assert (parts["sum"] > 0) == (parts["count"] > 0), (family.name, rest, parts["sum"])


def parse(text):
    """{name: Family}; an AssertionError for whatever the format does not allow."""
    families, family = {}, None
    assert text.endswith("\n") and "\r" not in text
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            _, _, name, help_text = line.split(" ", 3)
            assert re.fullmatch(NAME, name) and name not in families and help_text, line
            family = families[name] = Family(name, help_text)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert family and name == family.name and family.kind is None and not family.samples and kind in KINDS, line
            family.kind = kind
        else:
            match = SAMPLE.fullmatch(line)
            assert match and family and family.kind, line
            labels = labels_of(match[2] or "")
            assert own_name(family, match[1]), f"{line} stands under {family.name}"
            assert not any(name == match[1] and got == labels for name, got, _ in family.samples), f"twice: {line}"
            family.samples.append((match[1], labels, float(match[3])))
            assert family.kind != "counter" or float(match[3]) >= 0, line
    for family in families.values():
        assert family.kind, family.name
        assert (family.kind == "counter") == family.name.endswith("_total"), f"{family.name} is a {family.kind}"
        if family.kind == "histogram":
            check_histogram(family)
    return families
