"""/metrics: well-formed, complete from the first scrape on, true, and as deploy/METRICS.md says."""
import concurrent.futures
import os
import pathlib
import subprocess
import unittest

from exposition import parse, promtool
from harness import BUILD, CREATE, SOURCE, ServerCase, create_dict, create_request, unique, wait_until
from session_service import EXACT, Sessions
from variants import sim_metadata

DOCUMENT = SOURCE / "deploy" / "METRICS.md"
MARK = "<!-- integration/metrics compares this table -->"


def table(families):
    """What deploy/METRICS.md has to say: a row for each family, its labels in the order of the page."""
    rows = ["| metric | kind | labels | what |", "|---|---|---|---|"]
    for family in families.values():
        labels = list(dict.fromkeys(key for _, got, _ in family.samples for key in got if key != "le"))
        rows.append(f"| `{family.name}` | {family.kind} | {', '.join(labels)} | {family.help} |")
    return "\n".join(rows) + "\n"


class Metrics(ServerCase):
    def scrape(self):
        return parse(self.server.metrics())

    def grown(self, before, name, /, **labels):
        return self.scrape()[name].value(**labels) - before[name].value(**labels)

    def test_promtool_has_nothing_to_say(self):
        if promtool() is None:
            self.skipTest("no promtool (package prometheus): only our own reader has checked the format")
        done = subprocess.run([promtool(), "check", "metrics"], input=self.server.metrics(), capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_the_document_lists_every_metric(self):
        self.use_a_connector()  # a breaker is told of a host that was called
        begin, _, rest = DOCUMENT.read_text().partition(MARK)
        _, _, end = rest.partition(MARK)
        wanted = f"{begin}{MARK}\n{table(self.scrape())}\n{MARK}{end}"
        if os.environ.get("SES_METRICS_UPDATE"):
            DOCUMENT.write_text(wanted)
        self.maxDiff = None
        self.assertEqual(DOCUMENT.read_text(), wanted, "SES_METRICS_UPDATE=1 and this test again writes the table anew")

    def test_series_are_there_before_their_first_value(self):
        families = self.scrape()
        codes = [labels for _, labels, _ in families["sessiond_requests_total"].samples if labels["method"] == "CreateSessionToken"]
        self.assertEqual(len(codes), 17)
        for name, label, value in (("sessiond_refusals_total", "reason", "TOKEN_EXPIRED"), ("sessiond_returns_total", "outcome", "expired"),
                                   ("sessiond_session_transitions_total", "status", "REVOKED"), ("sessiond_door_requests_total", "door", "plain")):
            families[name].value(**{label: value})
        counted = [labels["connector"] for name, labels, _ in families["sessiond_connector_seconds"].samples if name.endswith("_count")]
        self.assertEqual(sorted(counted), ["authorizedotnet", "nuvei", "paytm", "payu", "stripe"])

    def test_no_label_has_a_value_that_a_caller_chooses(self):
        """Paths, methods, merchants, sessions and connectors as strangers name them."""
        before = self.shape()
        mark = unique("stranger")
        self.server.fail(create_request(mark), [("x-connector", mark), ("x-merchant-id", mark)])
        self.server.curl(f"/{mark}")
        self.server.curl(f"/{mark}/Method", "-X", "POST", data=b"{}", headers=["content-type: application/json"])
        self.server.curl(f"/r/{mark}?a={mark}")
        self.assertEqual(self.shape(), before)
        self.assertNotIn(mark, self.server.metrics())

    def shape(self):
        return [(name, sorted(labels.items())) for family in self.scrape().values() for name, labels, _ in family.samples
                if not family.name.startswith("sessiond_connector_breaker")]

    def test_doors(self):
        before = self.scrape()
        self.server.call(create_request(unique()), EXACT)
        self.server.post_json(CREATE, create_dict(unique()))
        self.server.post_json("/payments/create_session_token", create_dict(unique()))
        self.server.curl("/health")
        for door in ("grpc", "connect", "route", "plain"):
            self.assertEqual(self.grown(before, "sessiond_door_requests_total", door=door), 1, door)

    def test_refusals_are_counted_by_reason(self):
        before = self.scrape()
        session = unique()
        self.server.call(create_request(session), EXACT)
        self.server.fail(create_request(session, amount={"minor_amount": 1, "currency": "USD"}), EXACT)
        self.server.fail(create_request(session, amount=None), EXACT)
        self.server.post_json(CREATE + "Nothing", {})
        for reason in ("SESSION_CONFLICT", "INVALID_FIELDS", "NONE"):
            self.assertEqual(self.grown(before, "sessiond_refusals_total", reason=reason), 1, reason)

    def test_sessions_are_counted_where_they_come_to(self):
        client = Sessions(self.server.address)
        self.addCleanup(client.close)
        before = self.scrape()
        session = unique()
        token = client.create(session)
        client.create(session)  # the same call: no transition
        token = client.update(token, session, amount={"minor_amount": 20000, "currency": "USD"}).session_token  # another version of the same
        begun = client.begin(token, session, return_url="http://localhost:1/back")
        client.get(token, session)
        path = begun.return_url[begun.return_url.index("/r/"):]
        self.server.curl(path, "-X", "POST", data=b"cres=abc", headers=["content-type: application/x-www-form-urlencoded"])
        self.server.curl(path, "-X", "POST", data=b"cres=abc", headers=["content-type: application/x-www-form-urlencoded"])
        self.server.curl(path + "?x=1", "-X", "POST", data=b"cres=def", headers=["content-type: application/x-www-form-urlencoded"])
        self.server.curl("/r/nonsense")
        token = client.advance(token, session, "CHALLENGE_PASSED").session_token or token
        client.advance(token, session, "PROCESSING_STARTED")
        client.advance(None, session, "COMPLETED", event_id="done")
        client.advance(None, session, "COMPLETED", event_id="done")
        wanted = {"OPEN": 2, "REDIRECTED": 1, "RETURNED": 1, "PROCESSING": 1, "COMPLETED": 1, "FAILED": 0, "REVOKED": 0, "AUTHENTICATING": 0}
        after = self.scrape()["sessiond_session_transitions_total"]
        self.assertEqual({status: after.value(status=status) - before[after.name].value(status=status) for status in wanted}, wanted)
        for outcome, times in (("first", 1), ("again", 1), ("other_payload", 1), ("unknown", 1), ("expired", 0)):
            self.assertEqual(self.grown(before, "sessiond_returns_total", outcome=outcome), times, outcome)

    def use_a_connector(self, session=None):
        answer, _ = self.server.call(create_request(session or unique()), sim_metadata("nuvei"))
        self.assertEqual(answer.status_code, 200)

    def test_a_call_that_leaves_nothing_behind_costs_one_commit(self):
        """An intent has to be on disk before the others are asked. Each call here is alone, so that none shares a commit."""
        for connector, commits in (("nuvei", 1), ("paytm", 2), ("stripe", 2)):
            before = self.scrape()
            self.assertEqual(self.server.call(create_request(unique()), sim_metadata(connector))[0].status_code, 200)
            for name in ("sessiond_store_commits_total", "sessiond_store_puts_total"):
                self.assertEqual(self.grown(before, name), commits, (connector, name))

    def test_a_connectors_time_is_told_apart_from_ours(self):
        before = self.scrape()
        self.use_a_connector(unique("sim-slow-300"))
        after = self.scrape()

        def part(name, suffix, **labels):
            return [sum(value for sample, got, value in families[name].samples if sample == name + suffix and got == labels)
                    for families in (before, after)]
        ours, connectors = part("sessiond_connected_own_seconds", "_sum"), part("sessiond_connector_seconds", "_sum", connector="nuvei")
        whole = part("sessiond_request_seconds", "_sum", service="types.MerchantAuthenticationService", method="CreateSessionToken")
        self.assertEqual(part("sessiond_connected_own_seconds", "_count")[1] - part("sessiond_connected_own_seconds", "_count")[0], 1)
        waited = 0.29  # a timer of whole milliseconds may end one early
        self.assertGreaterEqual(connectors[1] - connectors[0], waited)
        self.assertLessEqual(ours[1] - ours[0], whole[1] - whole[0] - waited)

    def test_breakers_are_told_by_host(self):
        self.use_a_connector()
        told = self.scrape()["sessiond_connector_breaker_open"].samples
        self.assertEqual([(labels["connector"], value) for _, labels, value in told if labels["connector"] == "nuvei"], [("nuvei", 0)])
        self.assertRegex(told[0][1]["origin"], r"^http://127\.0\.0\.1:\d+$")

    def test_every_process_tells_of_itself(self):
        families = self.scrape()
        for name in ("process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "process_start_time_seconds"):
            roles = [(labels["role"], labels["worker"]) for _, labels, _ in families[name].samples]
            self.assertEqual(roles, [("worker", "0"), ("worker", "1"), ("housekeeper", ""), ("supervisor", "")], name)
        told = {self.server.process.pid: {"role": "supervisor", "worker": ""}}
        told.update((pid, {"role": "worker", "worker": str(slot)}) for slot, pid in enumerate(self.server.workers()))
        for pid, labels in told.items():
            folder = pathlib.Path(f"/proc/{pid}/fd")
            if os.access(folder, os.R_OK):  # a process that is not dumpable shows it to root alone
                wait_until(lambda folder=folder, labels=labels: self.scrape()["process_open_fds"].value(**labels) == len(list(folder.iterdir())),
                           f"the descriptors of {labels}")

    def test_resident_memory_is_told_by_its_kind(self):
        """By each process of itself, confined as it is; the same is seen from outside."""
        kinds = {"RssAnon": "process_resident_anonymous_bytes", "RssFile": "process_resident_file_bytes", "RssShmem": "process_resident_shared_bytes"}
        parts = self.parts_of_memory(*kinds.values(), "process_resident_memory_bytes")
        self.assertEqual([role for role, _ in parts], ["worker", "worker", "housekeeper", "supervisor"])
        for told in parts.values():
            self.assertTrue(all(told[:2]), parts)  # its own and files: nothing runs without
        for slot, pid in enumerate(self.server.workers()):
            def near(slot=slot, pid=pid):
                families, status = self.scrape(), pathlib.Path(f"/proc/{pid}/status").read_text()
                seen = {name: 1024 * int(status.split(f"\n{key}:")[1].split()[0]) for key, name in kinds.items()}
                return all(abs(families[name].value(role="worker", worker=str(slot)) - value) < 4 << 20 for name, value in seen.items())
            wait_until(near, f"worker {slot} to tell what the kernel does")

    def parts_of_memory(self, *names):
        """{(role, worker): values}, when each process's parts add up: they are written one after the other."""
        def whole():
            families = self.scrape()
            keys = [(labels["role"], labels["worker"]) for _, labels, _ in families[names[0]].samples]
            parts = {key: [families[name].value(role=key[0], worker=key[1]) for name in names] for key in keys}
            return all(sum(values[:-1]) == values[-1] > 0 for values in parts.values()) and parts
        return wait_until(whole, "memory that adds up")

    def test_which_build_it_is(self):
        (_, labels, _), = self.scrape()["sessiond_build_info"].samples
        said = subprocess.run([BUILD / "sessiond", "--version"], capture_output=True, text=True, check=True).stdout
        self.assertTrue(said.startswith(f"sessiond {labels['version']} (commit {labels['commit']})"), said)

    def test_workers_add_up(self):
        for _ in range(8):
            self.server.curl("/health")
        families = self.scrape()
        for name in ("store_commits_total", "connections_accepted_total", "store_records"):
            parts = sum(value for _, _, value in families["sessiond_worker_" + name].samples)
            self.assertEqual(parts, families["sessiond_" + name].value(), name)

    def test_many_scrapes_at_once(self):
        """All whole, all well-formed."""
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            for text in pool.map(lambda _: self.server.metrics(), range(48)):
                self.assertIn("sessiond_store_batch_puts_count", parse(text) and text)


if __name__ == "__main__":
    unittest.main()
