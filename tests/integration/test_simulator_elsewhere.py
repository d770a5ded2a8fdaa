"""A simulator that no server has started: servers without --sandbox name it as a connector's sandbox_url, by plain http on this machine."""
import contextlib
import re
import signal
import subprocess
import unittest

import grpc

from connector_servers import FakeConnector, Sim, details, stripe_intent
from harness import BUILD, PATIENCE, Server, create_request, reason, unique, wait_until
from variants import SIM_CONFIGS, config, sim_metadata

BASE = {"nuvei": "/nuvei", "paytm": "/paytm/", "stripe": "/stripe/"}
NOWHERE = {"nuvei": "https://192.0.2.1/ppp/api/v1", "paytm": "https://192.0.2.1/", "stripe": "https://192.0.2.1/"}  # documentation's: never called


def connectors(url):
    return "connectors:\n" + "".join(f"  {name}:\n    sandbox_url: {url}{path}\n    production_url: {NOWHERE[name]}\n" for name, path in BASE.items())


class Elsewhere(unittest.TestCase):
    def setUp(self):
        process = subprocess.Popen([BUILD / "sessiond-sim", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.wait, PATIENCE)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.terminate)
        self.sim = Sim(None, "http://" + re.search(r"127\.0\.0\.1:\d+", process.stdout.readline())[0])

    def serve(self, text, **options):
        server = Server(workers=1, sandbox=False, config=text, **options).start()
        self.addCleanup(server.cleanup)
        return server

    def test_two_servers_call_one_simulator(self):
        """Confined as ever, and with private addresses refused as ever."""
        for number, host in enumerate(("127.0.0.1", "localhost")):
            server = self.serve(connectors(self.sim.url.replace("127.0.0.1", host)))
            for name in SIM_CONFIGS:
                session = unique()
                answer, _ = server.call(create_request(session), sim_metadata(name))
                self.assertEqual(answer.status_code, 200, (name, details(answer)))
                self.assertEqual(self.sim.effects(session), 1)
            self.assertEqual(self.sim.requests(), (number + 1) * len(SIM_CONFIGS))
            server.stop()

    def test_live_calls_do_not_go_there(self):
        server = self.serve(connectors(self.sim.url))
        for name in SIM_CONFIGS:
            answer, _ = server.call(create_request(unique(), test_mode=False), sim_metadata(name))
            self.assertEqual(details(answer)[:2], ("CONNECTOR_UNREACHABLE", 502), name)
        self.assertEqual(self.sim.requests(), 0)
        server.stop()

    def test_no_caller_may_name_it(self):
        """Plain http is the operator's word about one address: a caller's base_url is https, listed or not."""
        host = self.sim.url.removeprefix("http://")
        server = self.serve(connectors(self.sim.url) + f"connector:\n  base_url_hosts: ['{host}']\n")
        for test_mode in (True, False):
            error = server.fail(create_request(unique(), test_mode=test_mode), [("x-connector-config", config({"Stripe": {
                "api_key": "sk_test_x", "base_url": f"{self.sim.url}/stripe/"}}))])
            self.assertEqual((error.code(), reason(error)), (grpc.StatusCode.INVALID_ARGUMENT, "BASE_URL_REFUSED"))
        self.assertEqual(self.sim.requests(), 0)
        server.stop()

    def test_redirects_are_not_followed(self):
        with contextlib.closing(FakeConnector(lambda fake, path, body: (200, {}, stripe_intent(body, "s")))) as other:
            for target in (f"{other.url}/stolen", "http://192.0.2.1/stolen"):
                with contextlib.closing(FakeConnector(lambda fake, path, body, target=target: (307, {"location": target}, ""))) as fake:
                    server = self.serve(f"connectors:\n  stripe:\n    sandbox_url: {fake.url}/\n")
                    answer, _ = server.call(create_request(unique()), sim_metadata("stripe"))
                    self.assertEqual(details(answer)[:2], ("CONNECTOR_BAD_RESPONSE", 502))
                    self.assertEqual(len(fake.requests), 1)
                    server.stop()
            self.assertEqual(other.requests, [])

    def test_a_reload_names_it(self):
        """Its port is one that the workers before were not let out by."""
        server = self.serve(connectors("https://192.0.2.1"))
        answer, _ = server.call(create_request(unique()), sim_metadata("nuvei"))
        self.assertEqual(details(answer)[:2], ("CONNECTOR_UNREACHABLE", 502))
        path = server.command[server.command.index("--config") + 1]
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace("sandbox_url: https://192.0.2.1", f"sandbox_url: {self.sim.url}"))
        server.tell(signal.SIGHUP, "reloaded")
        server.hang_up()
        answer, _ = server.call(create_request(unique()), sim_metadata("nuvei"))
        self.assertEqual(answer.status_code, 200)
        server.stop()


if __name__ == "__main__":
    unittest.main()
