"""One payment's story and its end for whoever runs the server: sessiondctl session, over the data directory's own socket."""
import contextlib
import json
import os
import pathlib
import signal
import socket
import stat
import subprocess
import tempfile
import unittest

import grpc
from google.protobuf import json_format

from callers import asking_server, bearer
from connector_servers import FakeConnector
from grpc_channel import channel_to
from harness import BUILD, CREATE, PATIENCE, STRIPE, Server, create_request, method_paths, request_class, unique, wait_until
from session_service import Sessions, connections, explain, refusal, status_name

OPERATOR = "/sessiond.v1.OperatorService/"
SHOP = [("x-tenant-id", "tenant_a"), ("x-merchant-id", "shop_a")]
NAMED = ["--tenant", "tenant_a", "--merchant", "shop_a"]
SECRETS = {"metadata": {"value": "CANARYmeta"}, "connector_feature_data": {"value": '{"a":"CANARYfeature"}'},
           "state": {"access_token": {"token": {"value": "CANARYaccess"}, "token_type": "Bearer"},
                     "connector_customer_id": "CANARYcustomer"},
           "browser_info": {"user_agent": "CANARYagent", "ip_address": "203.0.113.77", "color_depth": 24}}


def session(data, *args):
    return subprocess.run([BUILD / "sessiondctl", "--data", data, "session", *args], capture_output=True, text=True,
                          timeout=PATIENCE, check=False)


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(workers=2, config="redirect:\n  return_urls:\n    - shop_a https://shop.example\n").start()
        cls.client = Sessions(cls.server.address, metadata=SHOP)

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        try:
            cls.server.stop()
        finally:
            cls.server.cleanup()

    def ctl(self, *args):
        return session(self.server.next().data, *args)

    def story(self, name, *args, verb="show"):
        done = self.ctl(verb, name, "--test", "--json", *NAMED, *args)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return json.loads(done.stdout)


class Story(Case):
    def a_payment(self):
        """A payment with a challenge behind it, back in OPEN; its name and token."""
        name = unique()
        token = self.client.create(name, **SECRETS)
        step = self.client.begin(token, name, return_url="https://shop.example/back?customer=CANARYquery")
        status, _, _ = self.server.curl(f"/r/{step.step_handle}?cres=CANARYcres&MD=CANARYmd")
        self.assertEqual(status, 303)
        # Back in OPEN; the newest token is the answer's.
        answer = self.client.advance(token, name, "CHALLENGE_PASSED", event_id="event-1",
                                     connector_session={"id": "pi_77", "transaction_id": "tx_78", "token": {"value": "CANARYsecret"}})
        return name, answer.session_token

    def test_the_whole_history_is_told(self):
        name, token = self.a_payment()
        story = self.story(name)
        kept = story["session"]
        self.assertEqual((story["kind"], story["tenant"], story["merchant"], kept["merchant_session_id"]),
                         ("STORY_KIND_SESSION", "tenant_a", "shop_a", name))
        self.assertEqual((kept["status"], int(kept["version"])), ("SESSION_STATUS_OPEN", self.client.get(token, name).version))
        self.assertEqual([(e["event"].removeprefix("SESSION_EVENT_"), e.get("event_id", "")) for e in kept["events"]],
                         [("REDIRECT_STARTED", ""), ("BROWSER_RETURNED", ""), ("CHALLENGE_PASSED", "event-1")])
        self.assertTrue(all(e["at_ms"] and e["outcome"] == "EVENT_OUTCOME_APPLIED" for e in kept["events"]))
        self.assertEqual(kept["amount"], {"minor_amount": "10000", "currency": "USD"})
        self.assertEqual(story["connector_session"], {"token_stored": True, "id": "pi_77", "transaction_id": "tx_78"})
        self.assertEqual((story["connector_state"]["access_token_stored"], story["connector_state"]["connector_customer_id_stored"]),
                         (True, True))
        self.assertEqual(story["metadata_bytes"], len("CANARYmeta"))
        self.assertIn("color_depth", story["bound_to"])
        self.assertEqual(story["past_steps"], [{"name": "challenge", "return_url": "https://shop.example/back", "returned": True}])
        self.assertEqual((story["last_return"]["method"], story["last_return"]["parameters"]), ("GET", ["cres", "MD"]))

    def test_late_events_and_open_steps_are_in_it(self):
        name = unique()
        token = self.client.create(name)
        self.client.begin(token, name, return_url="https://shop.example/back?customer=CANARYquery")
        step = self.story(name)["session"]["step"]
        self.assertEqual((step["name"], step["return_url"]), ("challenge", "https://shop.example/back"))
        self.client.advance("", name, "COMPLETED", event_id="done")
        self.client.advance("", name, "FAILED", event_id="too-late")
        events = self.story(name)["session"]["events"]
        self.assertEqual([(e["event_id"], e["outcome"]) for e in events if e.get("event_id")],
                         [("done", "EVENT_OUTCOME_APPLIED"), ("too-late", "EVENT_OUTCOME_LATE")])

    def test_nothing_secret_is_told_in_either_form(self):
        name, token = self.a_payment()
        text = self.ctl("show", name, "--test", *NAMED).stdout
        told = text + self.ctl("show", name, "--test", "--json", *NAMED).stdout
        self.assertNotRegex(told, "CANARY|203\\.0\\.113|sess_v4")
        self.assertNotIn(token, told)
        for word in (name, "CHALLENGE_PASSED", "event-1", "pi_77", "stored, not told", "shop.example/back", "OPEN", "10000 USD"):
            self.assertIn(word, text)
        self.assertRegex(text, r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ  BROWSER_RETURNED")

    def test_only_what_the_list_allows(self):
        """Every field of the answer, by name: a new one is told only after somebody has thought about it."""
        names = set()

        def walk(value):
            for key, field in value.items() if isinstance(value, dict) else ():
                names.add(key)
                walk(field)
            for field in value if isinstance(value, list) else ():
                walk(field)
        name, _ = self.a_payment()
        self.client.begin(self.client.create(name, **SECRETS), name, return_url="https://shop.example/back")
        walk(self.story(name))
        self.assertLessEqual(names, set("""kind pseudonym tenant merchant session connector_session connector_state metadata_bytes
            connector_feature_data_bytes bound_to token_issued_ms last_return past_steps early_events being_written revoke_reason
            session_id merchant_session_id status version generation next_events amount minor_amount currency connector connector_name
            test_mode attempts late_success step name started_ms expires_ms return_url return_mode events event event_id at_ms outcome
            created_ms updated_ms expires_in_seconds server_time_ms token_stored id transaction_id access_token_stored access_token_type
            access_token_stored_ms connector_customer_id_stored step_name method received_ms parameters returned timed_out""".split()))

    def test_the_pseudonym_leads_to_the_log(self):
        name, _ = self.a_payment()
        pseudonym = self.story(name)["pseudonym"]
        wait_until(lambda: {"CreateSessionToken", "BeginStep", "Return", "AdvanceSession"} <=
                   {row["flow"] for row in self.server.lines("request") if row.get("session") == pseudonym}, "the lines of its calls")

    def test_events_that_wait_for_their_session(self):
        name = unique()
        self.client.advance("", name, "COMPLETED", event_id="early-1")
        story = self.story(name)
        self.assertEqual((story["kind"], "session" in story), ("STORY_KIND_EARLY_EVENTS", False))
        self.assertEqual([(e["event"], e["event_id"]) for e in story["early_events"]], [("SESSION_EVENT_COMPLETED", "early-1")])
        self.assertIn("early-1", self.ctl("show", name, "--test", *NAMED).stdout)

    def test_a_call_whose_outcome_nobody_learnt(self):
        fake = FakeConnector(lambda *_: (500, {}, "{}"))
        self.addCleanup(fake.close)
        server = Server(workers=1, config=f"connectors:\n  stripe:\n    production_url: {fake.url}/\n").start()
        self.addCleanup(server.cleanup)
        name = unique()
        answer, _ = server.call(create_request(name, test_mode=False), [("x-connector", "stripe"), ("x-connector-config", STRIPE)])
        self.assertEqual(answer.status_code, 500)
        done = session(server.data, "show", name, "--live", "--json")
        self.assertEqual(json.loads(done.stdout)["kind"], "STORY_KIND_UNSETTLED")
        self.assertIn("NOT MADE", session(server.data, "show", name, "--live").stdout)
        # It is no session: nothing to revoke.
        self.assertIn("SESSION_NOT_FOUND", session(server.data, "revoke", name, "--live", "--reason", "r").stderr)
        server.stop()

    def test_a_name_is_a_tenants_and_a_merchants_and_a_modes(self):
        name, _ = self.a_payment()
        for args in (["--live", *NAMED], ["--test", "--tenant", "tenant_a"], ["--test", "--merchant", "shop_a"]):
            done = self.ctl("show", name, *args)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("SESSION_NOT_FOUND", done.stderr)


class Find(Case):
    def test_it_is_found_among_tenants_merchants_and_modes(self):
        name = unique()
        self.client.create(name)
        other = Sessions(self.server.address, metadata=[("x-tenant-id", "tenant_b"), ("x-merchant-id", "shop_b")])
        self.addCleanup(other.close)
        other.create(name, test_mode=False)
        done = self.ctl("find", name, "--tenant", "tenant_x,tenant_a,tenant_b", "--merchant", "shop_a,shop_b", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([(s["tenant"], s["merchant"], s["session"].get("test_mode", False)) for s in json.loads(done.stdout)],
                         [("tenant_a", "shop_a", True), ("tenant_b", "shop_b", False)])
        text = self.ctl("find", name, "--tenant", "tenant_a,tenant_b", "--merchant", "shop_a,shop_b").stdout
        self.assertEqual((text.count("(test)"), text.count("(LIVE)")), (1, 1))
        only = self.ctl("find", name, "--live", "--tenant", "tenant_a,tenant_b", "--merchant", "shop_a,shop_b")
        self.assertNotIn("(test)", only.stdout)

    def test_not_found_is_1_and_says_how_much_was_looked_at(self):
        done = self.ctl("find", unique(), "--merchant", "a,b,c")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("6 places", done.stderr)

    def test_lists_are_bounded(self):
        for args in (["--merchant", ",a"], ["--merchant", "a" * 129], ["--merchant", ",".join(["a"] * 257)],
                     ["--merchant", ",".join(["a"] * 200), "--tenant", "a,b,c"]):
            self.assertEqual(self.ctl("find", "x", *args).returncode, 2, args)


class Revoke(Case):
    def test_it_is_over_for_the_merchant_too_and_the_reason_stays(self):
        name = unique()
        token = self.client.create(name)
        story = self.story(name, "--reason", "fraud case 12, asked by risk", verb="revoke")
        self.assertEqual((story["session"]["status"], story["revoke_reason"]), ("SESSION_STATUS_REVOKED", "fraud case 12, asked by risk"))
        self.assertEqual(refusal(self.client.get, token, name)[:2], ("FAILED_PRECONDITION", "SESSION_REVOKED"))
        # For operators only: not in the merchant's history.
        self.assertNotIn("fraud", str(self.client.advance("", name, "COMPLETED", event_id="x").session))
        again = self.story(name, "--reason", "another", verb="revoke")
        self.assertEqual((again["revoke_reason"], again["session"]["version"]), (story["revoke_reason"], story["session"]["version"]))
        self.assertIn("fraud case 12", self.ctl("show", name, "--test", *NAMED).stdout)

    def test_who_watches_hears_of_it_on_every_worker(self):
        name = unique()
        token = self.client.create(name)
        with connections(self.server.address, 8, metadata=SHOP) as clients:
            streams = [client.watch(token, name) for client in clients]
            for stream in streams:
                self.assertEqual(status_name(next(stream).session), "OPEN")
            self.story(name, "--reason", "r", verb="revoke")
            for stream in streams:
                self.assertEqual(status_name(next(stream).session), "REVOKED")

    def test_a_payment_at_work_or_over_is_left_alone(self):
        for event, reason in (("PROCESSING_STARTED", "SESSION_PROCESSING"), ("COMPLETED", "SESSION_CLOSED")):
            name = unique()
            token = self.client.create(name)
            self.client.advance(token, name, event)
            done = self.ctl("revoke", name, "--test", "--reason", "r", *NAMED)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn(reason, done.stderr)

    def test_what_is_not_there_is_not_found(self):
        name = unique()
        self.client.advance("", name, "COMPLETED", event_id="early")  # an event that waits is no session
        for wanted in (name, unique()):
            done = self.ctl("revoke", wanted, "--test", "--reason", "r", *NAMED)
            self.assertEqual(done.returncode, 1)
            self.assertIn("SESSION_NOT_FOUND", done.stderr)

    def test_usage(self):
        for args in (["show", "x"], ["show", "x", "--test", "--live"], ["revoke", "x", "--test"], ["revoke", "x", "--reason", "r"],
                     ["show"], ["find"], ["dance"]):
            done = self.ctl(*args)
            self.assertEqual((done.returncode, done.stdout), (2, ""), args)
        for args in (["show", "x", "--test", "--merchant", "a\r\nx-other: b"], ["revoke", "x", "--test", "--reason", "a\nb"],
                     ["revoke", "x", "--test", "--reason", "a" * 201]):
            self.assertEqual(self.ctl(*args).returncode, 1, args)

    def test_a_reason_with_card_data_is_refused(self):
        name = unique()
        self.client.create(name)
        done = self.ctl("revoke", name, "--test", "--reason", "card 4111 1111 1111 1111", *NAMED)
        self.assertEqual(done.returncode, 1)
        self.assertIn("CARD_DATA_REFUSED", done.stderr)
        self.assertNotIn("4111", done.stderr + self.server.log())


class Audit(unittest.TestCase):
    def test_every_call_is_a_line_whatever_the_level(self):
        server = Server(workers=1, args=["--log-level", "error"]).start()
        self.addCleanup(server.cleanup)
        client = Sessions(server.address)
        self.addCleanup(client.close)
        name = unique()
        client.create(name)
        session(server.data, "show", name, "--test")
        session(server.data, "show", name, "--live")
        session(server.data, "revoke", name, "--test", "--reason", "because")
        rows = wait_until(lambda: (rows := server.lines("operator_call")) and len(rows) >= 3 and rows, "the lines")
        self.assertEqual([(r["flow"], r["grpc_status"], r["uid"]) for r in rows],
                         [("ShowSession", "OK", os.getuid()), ("ShowSession", "NOT_FOUND", os.getuid()), ("RevokeSession", "OK", os.getuid())])
        self.assertEqual((rows[2]["reason"], rows[0]["session"]), ("because", rows[2]["session"]))
        self.assertNotIn("session", rows[1])
        self.assertEqual(server.lines("request"), [])
        server.stop()


class LogLevel(unittest.TestCase):
    """Without a reload, in every process, and until a reload."""

    def ctl(self, server, *args):
        return subprocess.run([BUILD / "sessiondctl", "--data", server.data, "--admin", f"127.0.0.1:{server.admin_port}", *args],
                              capture_output=True, text=True, timeout=PATIENCE, check=False)

    def set(self, server, level):
        done = self.ctl(server, "log-level", level)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        rows = wait_until(lambda: [r for r in server.lines("log_level") if r["to"] == level], "the supervisor's line")
        self.assertEqual(rows[-1]["role"], "supervisor")
        status = json.loads(self.ctl(server, "status", "--once", "--json").stdout)
        self.assertEqual(status["log_level"], level)

    def logs(self, server, role):
        """One request of its own of every worker, or a page of the housekeeper's; whether that process wrote a line."""
        before = len([r for r in server.lines("request") if r["role"] == role])
        if role == "housekeeper":
            server.metrics()
        else:
            server.curl("/no/such/path")
        return len([r for r in server.lines("request") if r["role"] == role]) > before

    def test_every_process_follows_and_a_reload_brings_the_configurations_back(self):
        server = Server(workers=2).start()
        self.addCleanup(server.cleanup)
        workers = ["worker-0", "worker-1"]
        for role in workers:
            wait_until(lambda role=role: self.logs(server, role), f"a line of {role}")
        self.set(server, "debug")
        self.assertIn("  log debug", self.ctl(server, "status", "--once").stdout)
        wait_until(lambda: self.logs(server, "housekeeper"), "a scrape's line, which debug alone has")
        self.set(server, "error")
        # The board is looked at once a second: none of the lines that a request would be is written from some moment on.
        wait_until(lambda: not any(self.logs(server, role) for role in [*workers, "housekeeper"] for _ in range(8)), "silence")
        self.assertEqual(server.lines("operator_call")[-1]["flow"], "SetLogLevel")
        # A worker that dies comes back at that level, not at the configuration's.
        pids = server.workers()
        os.kill(pids[0], 9)
        wait_until(lambda: server.have_replaced(pids[:1]), "its replacement")
        self.assertFalse(any(self.logs(server, role) for role in workers for _ in range(8)))
        server.signal(signal.SIGHUP)
        for role in workers:
            wait_until(lambda role=role: self.logs(server, role), f"a line of {role} again")
        server.stop()

    def test_what_is_no_level(self):
        server = Server(workers=1).start()
        self.addCleanup(server.cleanup)
        self.assertEqual(self.ctl(server, "log-level", "loud").returncode, 2)
        for body in ("{}", '{"level":"LOG_LEVEL_UNSPECIFIED"}', '{"level":5}', '{"level":-1}', '{"level":"x"}'):
            done = subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--unix-socket", server.data / "operator.sock",
                                   "-H", "content-type: application/json", "-d", body, f"http://localhost{OPERATOR}SetLogLevel"],
                                  capture_output=True, text=True, timeout=PATIENCE, check=True)
            self.assertEqual(done.stdout, "400", body)
        server.stop()


class Callers(unittest.TestCase):
    """At a port: only who has the right operate, for its own merchants and modes. At the socket nobody needs a key."""

    def test_a_caller_operates_on_what_is_its_own(self):
        server, keys = asking_server({"shop_a": {"rights": "create"}, "shop_b": {"rights": "create"},
                                      "desk": {"merchants": "shop_a", "rights": "operate"}}, workers=2)
        self.addCleanup(server.cleanup)
        server.start()
        clients = {name: Sessions(server.address, bearer(key)) for name, key in keys.items()}
        for client in clients.values():
            self.addCleanup(client.close)
        name = unique()
        for shop in ("shop_a", "shop_b"):
            clients[shop].create(name)

        def call(who, method, headers=(), **fields):
            request = json_format.ParseDict({"merchant_session_id": name, "test_mode": True, **fields}, request_class(OPERATOR + method)())
            return clients[who].method(OPERATOR + method)(request, metadata=[*clients[who].metadata, *headers], timeout=PATIENCE).story
        self.assertEqual(call("desk", "ShowSession").merchant, "shop_a")
        denied = "PERMISSION_DENIED", "CALLER_NOT_ALLOWED"
        self.assertEqual(refusal(call, "desk", "ShowSession", [("x-merchant-id", "shop_b")]), (*denied, {"merchant": "x-merchant-id"}))
        for method, more in (("ShowSession", {}), ("RevokeSession", {"reason": "r"})):
            self.assertEqual(refusal(call, "shop_a", method, **more), (*denied, {"right": "operate"}))
            self.assertEqual(refusal(call, "desk", method, test_mode=False, **more), (*denied, {"mode": "live"}))
        self.assertEqual(call("desk", "RevokeSession", reason="asked by risk").revoke_reason, "asked by risk")
        # The log is everybody's: nobody sets its level through a port.
        with self.assertRaises(grpc.RpcError) as caught:
            clients["desk"].method(OPERATOR + "SetLogLevel")(request_class(OPERATOR + "SetLogLevel")(level=1), timeout=PATIENCE,
                                                            metadata=clients["desk"].metadata)
        self.assertEqual(explain(caught.exception)[:2], ("PERMISSION_DENIED", "OPERATOR_ONLY"))
        rows = wait_until(lambda: (rows := server.lines("operator_call")) and len(rows) >= 7 and rows, "the lines")
        self.assertEqual({(row["caller"], row.get("uid")) for row in rows}, {("desk", None), ("shop_a", None)})
        self.assertEqual([row.get("reason") for row in rows if row["grpc_status"] == "OK"], [None, "asked by risk"])
        done = session(server.data, "show", name, "--test", "--merchant", "shop_b")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        server.stop()


class Door(unittest.TestCase):
    """The socket, and the ports on which nobody is an operator."""

    def server(self, **options):
        server = Server(workers=2, **options).start()
        self.addCleanup(server.cleanup)
        return server

    def test_tcp_refuses_every_method_before_it_reads_one(self):
        server = self.server()
        with channel_to(server.address) as channel:
            for path in method_paths(OPERATOR):
                call = channel.unary_unary(path, request_serializer=lambda b: b, response_deserializer=lambda b: b)
                with self.assertRaises(grpc.RpcError) as caught:
                    call(b"\xff\xff\xff", timeout=PATIENCE)
                self.assertEqual(explain(caught.exception)[:2], ("PERMISSION_DENIED", "OPERATOR_ONLY"))
                status, _, answer = server.post_json(path, b"{", headers=[])
                self.assertEqual((status, answer["code"]), (403, "permission_denied"))
        self.assertEqual(server.lines("operator_call"), [])
        server.stop()

    def test_the_socket_is_its_owners_and_offers_nothing_else(self):
        server = self.server()
        path = server.data / "operator.sock"
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        for other in (CREATE, "/sessiond.v1.SessionService/GetSession", "/health", "/metrics", "/.well-known/paseto-keys"):
            done = subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--unix-socket", path,
                                   "-H", "content-type: application/json", "-d", "{}", f"http://localhost{other}"],
                                  capture_output=True, text=True, timeout=PATIENCE, check=True)
            self.assertEqual(done.stdout, "404", other)
        server.stop()
        self.assertFalse(path.exists())

    def test_a_dead_servers_socket_is_replaced_and_another_file_is_not(self):
        server = self.server()
        server.kill()
        path = server.data / "operator.sock"
        self.assertTrue(stat.S_ISSOCK(path.stat().st_mode))
        wait_until(lambda: "operator.sock: cannot be reached" in session(server.data, "show", "x", "--test").stderr,
                   "the refusal of a socket behind which nobody is")
        server.start()
        self.assertIn("SESSION_NOT_FOUND", session(server.data, "show", "x", "--test").stderr)
        server.stop()
        path.write_text("somebody's")
        refused = subprocess.run([*server.command, "--check"], capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("operator.sock: is not a socket", refused.stderr)
        server.start(ready=False)
        self.assertEqual(server.process.wait(PATIENCE), 1)
        self.assertEqual(path.read_text(), "somebody's")

    def test_a_path_too_long_for_a_socket_is_a_clear_fault(self):
        with tempfile.TemporaryDirectory(prefix="ses-") as parent:
            data = pathlib.Path(parent) / ("d" * 100)
            server = Server(workers=1, data=data)
            self.addCleanup(server.cleanup)
            for command in ([*server.command, "--check"], server.command):
                done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
                self.assertNotEqual(done.returncode, 0)
                self.assertRegex(done.stdout + done.stderr, r"operator\.sock: has \d+ bytes, the path of a UNIX socket at most 107")
            self.assertEqual(session(data, "show", "x", "--test").returncode, 1)

    def test_a_reload_keeps_it_open(self):
        server = self.server()
        pids = server.workers()
        server.signal(signal.SIGHUP)
        wait_until(lambda: server.have_replaced(pids), "new workers")
        self.assertIn("SESSION_NOT_FOUND", session(server.data, "show", "x", "--test").stderr)
        server.stop()

    def test_strangers_who_take_all_connections_do_not_keep_an_operator_out(self):
        server = self.server(config="limits:\n  connections: 64\n")
        with contextlib.ExitStack() as stack:
            for _ in range(200):
                stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE))
            self.assertIn("SESSION_NOT_FOUND", session(server.data, "show", "x", "--test").stderr)
        server.stop()


if __name__ == "__main__":
    unittest.main()
