"""--sandbox as docs/sandbox.md tells it: where the simulator listens, and what each row of that page says."""
import base64
import http.client
import json
import re
import signal
import socket
import subprocess
import unittest
import urllib.error
import urllib.parse
import urllib.request

from connector_servers import Sim, details, own_channel
from harness import BUILD, PATIENCE, SOURCE, Server, ServerCase, create_request, free_port, unique, wait_until
from session_service import Sessions, outcome_name, refusal, status_name
from variants import SIM_CONFIGS, sim_metadata

PAGE = (SOURCE / "docs" / "sandbox.md").read_text()
CALLED = ("stripe", "nuvei", "paytm")  # the table's columns
MARGIN_MS = 10000
SHORT_MS = MARGIN_MS + 500  # leaves a connector that hangs half a second, however busy the machine is
CONFIG = f"connector:\n  breaker_failures: 1000000\n  deadline_margin_ms: {MARGIN_MS}\n"
SHOP = "http://localhost:3000/orders/1"


def section(title):
    return re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)[1]


def rows(title):
    """Cells of the rows of a section's tables, without their heads."""
    found = [[cell.strip() for cell in line.strip("|").split("|")] for line in section(title).splitlines() if line.startswith("|")]
    return [cells for cells in found if any(cells) and not re.fullmatch(r"-+", cells[0]) and cells[0].startswith("`")]


class Address(unittest.TestCase):
    def server(self, *args, config="", **options):
        server = Server(workers=1, args=args, config=config, **options)
        self.addCleanup(server.cleanup)
        return server

    def refused(self, server, *more):
        done = subprocess.run([*server.command, *more], capture_output=True, text=True, check=False, timeout=PATIENCE, env=server.env)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        return done.stderr

    def answers(self, server, address):
        self.assertEqual(Sim(server).url, f"http://{address}")
        self.assertEqual(Sim(server).get("/healthz"), {"status": "healthy"})
        self.assertEqual(own_channel(server, create_request(unique()), sim_metadata("stripe"))[0].status_code, 200)

    def test_by_option_and_by_key(self):
        for host in "127.0.0.1", "[::1]":
            address = f"{host}:{free_port()}"
            for args, config in (["--simulator", address], ""), ([], f"simulator_listen: \"{address}\"\n"):
                with self.subTest(args=args, config=config):
                    server = self.server(*args, config=config).start()
                    self.answers(server, address)
                    server.stop()

    def test_a_taken_port_is_told_with_a_remedy(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            says = f"{address} is in use by another process: end that one, or name another port (0: a free one)"
            for more in [], ["--check"]:
                self.assertIn(f"--simulator: {says}", self.refused(self.server("--simulator", address), *more))
                self.assertRegex(self.refused(self.server(config=f"\nsimulator_listen: {address}\n"), *more),
                                 rf"config\.yaml:2: simulator_listen: {re.escape(says)}")

    def test_what_it_cannot_be(self):
        for address, says in (("127.0.0.1", "must be ADDR:PORT"), ("10.0.0.1:1", "must be on a loopback address"),
                              (None, "the simulator needs an address of its own")):
            server = self.server()
            self.assertIn(f"--simulator: {says}" if address is None else says, self.refused(server, "--simulator", address or server.address))
        self.assertIn("there is no simulator without --sandbox: add that", self.refused(self.server("--simulator", "127.0.0.1:0", sandbox=False)))

    def test_without_sandbox_the_key_is_idle(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            server = self.server(config=f"simulator_listen: 127.0.0.1:{taken.getsockname()[1]}\n", sandbox=False).start()
            server.stop()

    def test_it_stays_while_the_server_runs(self):
        """Over the simulator's death, a reload and another program; an address that is changed meanwhile is refused by both."""
        address = f"127.0.0.1:{free_port()}"
        server = self.server(config=f"simulator_listen: {address}\n").start()
        server.tell(signal.SIGHUP, "reloaded")
        self.answers(server, address)
        server.process.send_signal(signal.SIGUSR2)
        wait_until(lambda: server.lines("upgraded"), "the new program")
        self.answers(server, address)
        path = server.command[server.command.index("--config") + 1]
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(address, f"127.0.0.1:{free_port()}"))
        for number, event in (signal.SIGHUP, "reload_refused"), (signal.SIGUSR2, "upgrade_refused"):
            server.process.send_signal(number)
            wait_until(lambda event=event: server.lines(event), event)
            self.assertRegex(server.lines(event)[-1]["msg"], rf"config\.yaml:1: simulator_listen: cannot be changed .*\({re.escape(address)}\)")
        self.answers(server, address)
        server.stop()


class Page(ServerCase):
    server_options = {"workers": 2, "config": CONFIG}

    def setUp(self):
        self.sim = Sim(self.server)
        self.client = Sessions(self.server.address)
        self.addCleanup(self.client.close)
        self.addCleanup(self.sim.control, latency_ms=0, mode="normal")

    def answer(self, connector, session, metadata=None, **changes):
        """A call to a connector that hangs has a deadline that is soon over, the others have time."""
        metadata, request = metadata or sim_metadata(connector), create_request(session, **changes)
        if session.startswith("sim-hang-"):
            return self.server.call_within(request, SHORT_MS, metadata)
        return own_channel(self.server, request, metadata)[0]

    # -- ids

    def test_every_id_of_the_simulator_and_no_other(self):
        done = subprocess.run([BUILD / "sessiond-sim", "--help"], capture_output=True, text=True, check=True, timeout=PATIENCE)
        self.assertEqual(set(CALLED), set(SIM_CONFIGS), "a column each")
        known = {re.sub("-[A-Z]+-", "-N-", prefix) for prefix in re.findall(r"^  (sim-\S+)", done.stdout, re.M)}
        told = {re.sub(r"-\d+-", "-N-", cells[0].strip("`")) for cells in rows("What the connectors do, by `merchant_session_id`")}
        self.assertGreater(len(known), 5)
        self.assertEqual(told, known)

    def test_each_id_does_what_its_row_says(self):
        for prefix, _, *answers in rows("What the connectors do, by `merchant_session_id`"):
            for connector, expected in zip(CALLED, answers, strict=True):
                with self.subTest(id=prefix, connector=connector):
                    answer = self.answer(connector, unique(prefix.strip("`")))
                    code, status, *_ = details(answer)
                    self.assertEqual(f"{status} {code}".strip(), expected)
                    self.assertEqual(bool(answer.session_token), expected == "200")

    def test_prefixes_follow_one_another(self):
        for prefix in "sim-slow-20-sim-declined-", "sim-declined-sim-slow-20-":
            self.assertEqual(self.answer("stripe", unique(prefix)).status_code, 402)

    # -- credentials

    def test_credentials_of_the_page(self):
        for connector, configuration, checked in [[cells[0], cells[1].strip("`"), cells[2]] for cells in (
                [cell.strip() for cell in line.strip("|").split("|")] for line in section("Credentials").splitlines() if line.startswith("|"))
                if cells[0] in CALLED]:
            with self.subTest(connector=connector):
                metadata = [("x-connector-config", configuration)]
                self.assertEqual(self.answer(connector, unique(), metadata).status_code, 200)
                for key in re.findall(r"keys? `([^`]+)`|, `([^`]+)`", checked) if connector == "paytm" else []:
                    other = json.loads(configuration)
                    other["config"]["Paytm"]["merchant_key"] = "".join(key)
                    self.assertEqual(self.answer(connector, unique(), [("x-connector-config", json.dumps(other))]).status_code, 200, key)
                secret = {"stripe": "sk_test_x", "nuvei": "nuvei_secret", "paytm": "0123456789abcdef"}[connector]
                wrong = self.answer(connector, unique(), [("x-connector-config", configuration.replace(secret, "wrong"))])
                self.assertEqual((wrong.status_code, wrong.error.connector_details.code or "401"),
                                 {"stripe": (401, "401"), "nuvei": (200, "1001"), "paytm": (200, "2005")}[connector])
                self.assertIn(wrong.error.connector_details.code or "401", checked)

    def test_a_connector_that_is_not_called_and_card_data(self):
        configuration, = re.findall(r"^`(\{.*Adyen.*\})`", section("Credentials"), re.M)
        self.assertEqual(self.answer("adyen", unique(), [("x-connector-config", configuration)]).status_code, 200)
        self.assertIn("CARD_DATA_REFUSED", section("Credentials"))
        self.assertEqual(refusal(self.client.create, unique(), metadata={"value": "4111 1111 1111 1111"})[1], "CARD_DATA_REFUSED")

    def test_no_live_calls(self):
        for connector in CALLED:
            self.assertEqual(refusal(self.client.create, unique(), connector=sim_metadata(connector), test_mode=False)[:2],
                             ("FAILED_PRECONDITION", "SANDBOX_LIVE_CALL"))

    # -- the payment by hand, and the bank

    def test_the_payment_by_hand(self):
        script = "".join(line.removeprefix("    ") for line in section("A whole payment by hand").splitlines(True) if line.startswith("    "))
        script = script.replace("http://127.0.0.1:8080", f"http://{self.server.address}").replace("http://127.0.0.1:8090", self.sim.url)
        done = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, check=False, timeout=PATIENCE, cwd=self.server.temporary)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        came_back, returned, paying, completed = re.sub(r"\}(?=\{)", "}\n", done.stdout).splitlines()
        self.assertEqual(came_back, "303 http://localhost:3000/orders/order-a")
        for text, status in (returned, "RETURNED"), (paying, "PROCESSING"), (completed, "COMPLETED"):
            self.assertEqual(json.loads(text)["session"]["status"], f"SESSION_STATUS_{status}")
        payload = json.loads(returned)["session"]["redirect_result"]["payload"]
        self.assertEqual(set(payload), {"cres", "threeDSSessionData"})
        self.assertEqual(self.trans_status(payload["cres"]), "Y")

    @staticmethod
    def trans_status(cres):
        return json.loads(base64.urlsafe_b64decode(cres + "=" * (-len(cres) % 4)))["transStatus"]

    @staticmethod
    def creq(**changes):
        value = {"messageType": "CReq", "threeDSServerTransID": "4f0c6f3e-5d2a-4c43-9d0e-0a1b2c3d4e5f", **changes}
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    def bank(self, path, post=True, **changes):
        """(status, page)"""
        fields = {"termUrl": f"http://{self.server.address}/r/x", "creq": self.creq(), "threeDSSessionData": "handle", **changes}
        form = urllib.parse.urlencode({name: text for name, text in fields.items() if text is not None})
        request = urllib.request.Request(self.sim.url + path + ("" if post else "?" + form), form.encode() if post else None)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def cres(self, **changes):
        status, page = self.bank("/acs/answer", **changes)
        self.assertEqual(status, 200)
        self.assertIn('name="threeDSSessionData" value="handle"', page)
        return re.search(r'name="cres" value="([^"]+)"', page)[1]

    def test_the_bank(self):
        for post in True, False:
            status, page = self.bank("/acs/challenge", post, merchantName="A <shop>", purchase="Socks")
            self.assertEqual(status, 200)
            self.assertIn('action="/acs/answer"', page)
            for shown in "A &#60;shop&#62;", "Socks", 'name="code"', 'name="refuse"':
                self.assertIn(shown, page)
        self.assertEqual(self.trans_status(self.cres(code="1234")), "Y")
        self.assertEqual(self.cres(code="1234"), self.cres(code="1234"))
        self.assertEqual(self.trans_status(self.cres(code="1234", refuse="1")), "N")
        for code in "4321", None:
            self.assertIn('name="code"', self.bank("/acs/answer", code=code)[1])
        self.assertEqual({name for cells in rows("The bank")[2:] for name in re.findall("`([^`]+)`", cells[0])},
                         {"termUrl", "creq", "threeDSSessionData", "merchantName", "purchase", "code", "refuse"})

    def test_a_client_that_would_rather_speak_http_2(self):
        """Java's does, in each first request."""
        connection = http.client.HTTPConnection(self.sim.url.removeprefix("http://"), timeout=PATIENCE)
        self.addCleanup(connection.close)
        form = urllib.parse.urlencode({"termUrl": "http://127.0.0.1/r/x", "creq": self.creq(), "code": "1234"})
        for _ in range(2):
            connection.request("POST", "/acs/answer", form, {"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c", "http2-settings": "AAEAAEAA"})
            answer = connection.getresponse()
            self.assertEqual((answer.status, b'name="cres"' in answer.read()), (200, True))

    def test_what_the_bank_refuses(self):
        long_url = f"http://{self.server.address}/"
        long_url += "x" * (2048 - len(long_url))
        for changes, status in (({"termUrl": long_url}, 200), ({"termUrl": long_url + "x"}, 400), ({"termUrl": None}, 400), ({"termUrl": "ftp://x"}, 400),
                                ({"creq": None}, 400), ({"creq": "e30"}, 400), ({"creq": self.creq(messageType="ARes")}, 400),
                                ({"creq": self.creq(threeDSServerTransID="a" * 36)}, 200), ({"creq": self.creq(threeDSServerTransID="a" * 37)}, 400),
                                ({"creq": self.creq(threeDSServerTransID="xyz")}, 400), ({"threeDSSessionData": "x" * 1024}, 200),
                                ({"threeDSSessionData": "x" * 1025}, 400), ({"purchase": "x" * 128}, 200), ({"purchase": "x" * 129}, 400)):
            with self.subTest(**changes):
                got, page = self.bank("/acs/challenge", **changes)
                self.assertEqual(got, status)
                if status == 400:
                    self.assertIn("docs/sandbox.md", page)

    # -- knobs, and how to make it fail

    def test_control(self):
        session = unique()
        self.sim.control(mode="http-503", latency_ms=20)
        self.assertEqual(self.answer("stripe", session).status_code, 503)
        self.assertEqual(self.answer("stripe", unique("sim-normal-")).status_code, 200)
        self.assertEqual(self.answer("stripe", unique("sim-declined-")).status_code, 402)
        self.sim.control(mode="normal")
        self.assertEqual(self.answer("stripe", session).status_code, 200)
        self.assertEqual(self.sim.get(f"/effects?order={session}"), {"count": 1})
        self.assertIn(session, self.sim.get("/effects")["orders"])
        self.sim.control(clear=True)
        self.assertEqual(self.sim.effects(session), 0)

    def test_control_names_the_modes(self):
        request = urllib.request.Request(f"{self.sim.url}/control", b'{"mode":"broken"}')
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=PATIENCE)
        names = json.loads(caught.exception.read())["error"].removeprefix("mode is one of ").split(", ")
        prefixes = [cells[0].strip("`") for cells in rows("What the connectors do, by `merchant_session_id`")]
        self.assertEqual({re.sub("-STATUS$", "-N", name) for name in names},
                         {re.sub(r"-\d+$", "-N", prefix[len("sim-"):-1]) for prefix in prefixes if "slow" not in prefix})

    def test_an_unknown_outcome_is_settled_by_the_same_call(self):
        session = unique()
        self.sim.control(mode="hang")
        self.assertEqual(self.server.call_within(create_request(session), SHORT_MS, sim_metadata("stripe")).status_code, 504)
        self.assertEqual(refusal(self.client.create, session, connector=sim_metadata("stripe"), amount={"minor_amount": 1, "currency": "USD"}),
                         ("ALREADY_EXISTS", "SESSION_CONFLICT", {"outcome": "unknown", "differing_fields": "amount.minor_amount"}))
        self.sim.control(mode="normal")
        self.assertEqual(self.answer("stripe", session).status_code, 200)
        self.assertEqual(self.sim.effects(session), 1)

    def begun(self, **fields):
        session = unique()
        token = self.client.create(session)
        step = self.client.begin(token, session, return_url=SHOP, **fields)
        return session, token, urllib.parse.urlsplit(step.return_url).path

    def back(self, path, cres="x"):
        status, headers, _ = self.server.curl(path, data=f"cres={cres}".encode(), headers=["content-type: application/x-www-form-urlencoded"])
        return status, headers.get("location")

    def test_a_shopper_who_does_not_come_back(self):
        session, token, path = self.begun(step_seconds=60)
        self.server.clock.pass_(61)
        found = self.client.get(token, session)
        self.assertEqual(status_name(found), "OPEN")
        self.assertEqual(found.events[-1].event, found.events[-1].DESCRIPTOR.fields_by_name["event"].enum_type.values_by_name[
            "SESSION_EVENT_STEP_TIMED_OUT"].number)
        self.assertEqual(self.back(path), (410, None))

    def test_a_browser_that_comes_back_twice(self):
        _, _, path = self.begun()
        self.assertEqual([self.back(path), self.back(path), self.back(path, "y")], [(303, SHOP), (303, SHOP), (409, None)])

    def test_another_browser(self):
        session, token, _ = self.begun()
        self.assertEqual(refusal(self.client.get, token, session, browser_info={"user_agent": "curl/8"})[:2], ("PERMISSION_DENIED", "BROWSER_MISMATCH"))

    def test_an_attempt_that_fails(self):
        session, token, _ = self.begun()
        found = self.client.advance(token, session, "ATTEMPT_FAILED", event_id="a").session
        self.assertEqual((status_name(found), found.attempts), ("OPEN", 1))

    def test_webhooks(self):
        session = unique()
        self.assertEqual(outcome_name(self.client.advance("", session, "COMPLETED", event_id="w")), "KEPT")
        token = self.client.create(session)
        self.assertEqual(status_name(self.client.get(token, session)), "COMPLETED")
        self.assertEqual(outcome_name(self.client.advance("", session, "COMPLETED", event_id="w")), "DUPLICATE")

    def test_a_session_that_runs_out(self):
        session, token, _ = self.begun()
        self.server.clock.pass_(24 * 3600)
        self.assertEqual(refusal(self.client.get, token, session)[:2], ("FAILED_PRECONDITION", "TOKEN_EXPIRED"))


class Breaker(unittest.TestCase):
    def test_twenty_that_bring_no_answer(self):
        server = Server(workers=1, config="connector:\n  breaker_open_ms: 600000\n").start()
        self.addCleanup(server.cleanup)
        for prefix, code, times in (("sim-http-503-", "CONNECTOR_ERROR", 21), ("sim-close-half-", "CONNECTOR_BAD_RESPONSE", 20),
                                    ("sim-normal-", "CONNECTOR_UNREACHABLE", 1)):
            for _ in range(times):
                answer, _ = server.call(create_request(unique(prefix)), sim_metadata("nuvei"))
                self.assertEqual(details(answer)[0], code)
        self.assertEqual(answer.status_code, 502)
        server.stop()


if __name__ == "__main__":
    unittest.main()
