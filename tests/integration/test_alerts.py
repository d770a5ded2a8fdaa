"""deploy/prometheus and deploy/grafana: rules that fire when they should, an entry in the runbook for each, and no metric that the server
does not tell."""
import json
import pathlib
import re
import subprocess
import tempfile

from exposition import parse, promtool
from harness import SOURCE, ServerCase, create_request, unique
from variants import sim_metadata

RULES = SOURCE / "deploy" / "prometheus" / "alerts.yml"
RULES_TESTS = SOURCE / "deploy" / "prometheus" / "alerts_test.yml"
DASHBOARD = SOURCE / "deploy" / "grafana" / "sessiond.json"
RUNBOOK = SOURCE / "deploy" / "RUNBOOK.md"
METRIC = re.compile(r"\b((?:sessiond|process)_[a-z0-9_]+)\b(\{[^}]*\})?")
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')


def alerts():
    """{name: the text of its rule}."""
    parts = re.split(r"^ +- alert: (\w+)$", RULES.read_text(), flags=re.M)[1:]
    return dict(zip(parts[::2], parts[1::2]))


def expressions():
    """Every PromQL expression of the dashboard, Grafana's variables given values."""
    dashboard = json.loads(DASHBOARD.read_text())
    found = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    found += [annotation["expr"] for annotation in dashboard["annotations"]["list"]]
    return [text.replace("$__rate_interval", "5m").replace("$instance", ".*") for text in found]


def runbook_entries():
    """{heading of an alert: what stands under it}."""
    section = RUNBOOK.read_text().partition("\n## Alerts\n")[2].partition("\n## ")[0]
    parts = re.split(r"^### (.+)$", section, flags=re.M)[1:]
    return {name: text.strip() for name, text in zip(parts[::2], parts[1::2])}


class Alerts(ServerCase):
    def test_each_alert_has_its_entry_in_the_runbook(self):
        entries = runbook_entries()
        self.assertEqual(sorted(entries), sorted(alerts()))
        for name, text in entries.items():
            self.assertGreater(len(text), 100, name)
            self.assertIn(f'runbook: "deploy/RUNBOOK.md#{name.lower()}"', alerts()[name])
            self.assertRegex(alerts()[name], r"severity: (page|warn)\b")

    def test_each_alert_is_tried_both_ways(self):
        tried = re.findall(r"alertname: (\w+)\n +exp_alerts: (\[\]|\[\{)", RULES_TESTS.read_text())
        self.assertEqual(sorted(set(tried)), sorted((name, kind) for name in alerts() for kind in ("[]", "[{")))

    def test_promtool_agrees(self):
        if promtool() is None:
            self.skipTest("no promtool (package prometheus): the rules were not tried")
        for command in (["check", "rules", RULES.name], ["test", "rules", RULES_TESTS.name]):
            done = subprocess.run([promtool(), *command], cwd=RULES.parent, capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_dashboard_asks_what_prometheus_understands(self):
        if promtool() is None:
            self.skipTest("no promtool (package prometheus): the dashboard's expressions were not parsed")
        rules = {"groups": [{"name": "g", "rules": [{"record": f"r:{i}", "expr": text} for i, text in enumerate(expressions())]}]}
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "rules.yml"
            path.write_text(json.dumps(rules))  # JSON is YAML
            done = subprocess.run([promtool(), "check", "rules", path], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(f"{len(expressions())} rules found", done.stdout)

    def test_what_is_named_is_told(self):
        """Metrics, their labels, and the values that a label is compared with."""
        self.server.call(create_request(unique()), sim_metadata("stripe"))
        families = parse(self.server.metrics())
        named = 0
        for where, text in [*alerts().items(), *(("dashboard", text) for text in expressions())]:
            for name, matchers in METRIC.findall(text.partition("annotations:")[0]):
                base = re.sub(r"_(bucket|sum|count)$", "", name)
                family = families.get(name) or families.get(base)
                self.assertIsNotNone(family, f"{where}: nothing tells {name}")
                self.assertTrue(family.kind != "histogram" or base != name, f"{where}: {name} is a histogram")
                self.labels_are_told(where, family, matchers)
                named += 1
        self.assertGreater(named, 100)

    def labels_are_told(self, where, family, matchers):
        for label, how, value in MATCHER.findall(matchers):
            if label == "instance":
                continue
            told = {labels[label] for _, labels, _ in family.samples if label in labels}
            self.assertTrue(told, f"{where}: {family.name} has no label {label}")
            for wanted in value.split("|") if how == "=~" else [value] if how == "=" else []:
                self.assertIn(wanted, told, f"{where}: {family.name}")


if __name__ == "__main__":
    import unittest
    unittest.main()
