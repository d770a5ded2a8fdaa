"""What `cmake --install` lays down: programs that run from there, configuration, manual pages, completion."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import textwrap
import unittest

from harness import BUILD, SOURCE, whoever_arguments


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = pathlib.Path(tempfile.mkdtemp(prefix="sessiond-install-"))
        cls.addClassCleanup(shutil.rmtree, cls.root)
        subprocess.run(["cmake", "--install", BUILD], check=True, capture_output=True, env={**os.environ, "DESTDIR": str(cls.root)})
        cache = (BUILD / "CMakeCache.txt").read_text()
        prefix = re.search(r"^CMAKE_INSTALL_PREFIX:PATH=(.*)$", cache, re.M)[1]
        cls.prefix = cls.root / prefix.lstrip("/")
        cls.etc = cls.root / ("etc" if prefix == "/usr" else prefix.lstrip("/") + "/etc") / "sessiond"
        cls.installed_prefix = prefix

    def run_it(self, *words):
        return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True).stdout

    def test_programs(self):
        version = r"0\.\d+\.\d+ \(commit ([0-9a-f]{7,40}(-dirty)?|unknown)\)"
        self.assertRegex(self.run_it(self.prefix / "sbin/sessiond", "--version"), f"^sessiond {version}")
        self.assertRegex(self.run_it(self.prefix / "bin/sessiondctl", "--version"), f"^sessiondctl {version}")
        self.assertTrue((self.prefix / "sbin/sessiond-sim").exists())

    def check(self, config):
        """--check of a configuration that names no user, as the service's user would run it."""
        return self.run_it(self.prefix / "sbin/sessiond", "--config", config, *whoever_arguments(config.read_text()), "--check")

    def test_configuration_would_start(self):
        config = (self.etc / "sessiond.yaml").read_text()
        self.assertIn("data_dir: /var/lib/sessiond", config)
        mine = self.root / "mine.yaml"
        mine.write_text(config.replace("/var/lib/sessiond", f"{self.root}/data").replace("8080", "0").replace("9090", "0"))
        self.assertIn("configuration ok", self.check(mine))

    def test_kubernetes_configuration_would_start(self):
        """The ConfigMap's two files, with this machine's paths and ports."""
        example = (SOURCE / "deploy/kubernetes/sessiond.yaml").read_text()

        def block(name):
            return textwrap.dedent(re.search(rf"^  {re.escape(name)}: \|\n((?:    .*\n)+)", example, re.M)[1])
        tls, data = self.root / "tls", self.root / "k8s"
        tls.mkdir()
        data.mkdir(mode=0o700)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                        "-subj", "/CN=pay.example", "-addext", "subjectAltName=DNS:pay.example,DNS:sessiond,DNS:sessiond.default.svc",
                        "-keyout", tls / "tls.key", "-out", tls / "tls.crt"], check=True, capture_output=True)
        shutil.copy(tls / "tls.crt", tls / "clients-ca.crt")
        with open(os.open(data / "callers.yaml", os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
            file.write(block("callers.yaml"))
        mine = self.root / "k8s.yaml"
        mine.write_text(block("sessiond.yaml").replace("/etc/sessiond/tls", str(tls)).replace("/var/lib/sessiond/data", str(data))
                        .replace(":8443", ":0").replace(":9090", ":0"))
        self.assertIn("configuration ok", self.check(mine))

    def test_service_files(self):
        self.assertIn("u sessiond ", (self.prefix / "lib/sysusers.d/sessiond.conf").read_text())
        self.assertIn("d /var/lib/sessiond 0700 sessiond sessiond", (self.prefix / "lib/tmpfiles.d/sessiond.conf").read_text())
        unit = (self.prefix / "lib/systemd/system/sessiond.service").read_text()
        self.assertIn(f"{self.installed_prefix}/sbin/sessiond", unit)

    def test_manual_pages(self):
        """They hold what the programs say of themselves, and groff has nothing to complain of."""
        def words(text):
            return set(re.findall(r"--[a-z][a-z-]+", text.replace("\\-", "-")))
        for page, program in (("man8/sessiond.8", "sbin/sessiond"), ("man1/sessiondctl.1", "bin/sessiondctl")):
            text = (self.prefix / "share/man" / page).read_text()
            self.assertLessEqual(words(self.run_it(self.prefix / program, "--help")), words(text))
        text = (self.prefix / "share/man/man5/sessiond.yaml.5").read_text().replace("\\-", "-")
        keys = set(re.findall(r"^ *(?:# )?([a-z_0-9]+):", (SOURCE / "deploy/sessiond.example.yaml").read_text(), re.M))
        self.assertGreater(len(keys), 50)
        self.assertEqual({key for key in keys if f"{key}:" not in text}, set())
        if shutil.which("groff") is None:
            self.skipTest("no groff here")
        for page in (self.prefix / "share/man").glob("man*/*"):
            done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", page], capture_output=True, text=True, check=True)
            self.assertEqual(done.stderr, "", page)

    def complete(self, program, *words):
        folder = self.prefix / "bin" if program == "sessiondctl" else self.prefix / "sbin"
        script = (f'. "{self.prefix}/share/bash-completion/completions/{program}"; '
                  'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); "_$0"; printf "%s\\n" "${COMPREPLY[@]}"')
        return self.run_it("bash", "-c", script, program, folder / program, *words).split()

    def test_completion(self):
        self.assertEqual(self.complete("sessiond", "--wo"), ["--workers"])
        self.assertEqual(self.complete("sessiond", "--log-level", "w"), ["warn"])
        self.assertIn("keys", self.complete("sessiondctl", "k"))
        self.assertIn("backup", self.complete("sessiondctl", "--data", "/x", "store", "b"))
        self.assertIn("--json", self.complete("sessiondctl", "store", "--j"))
        self.assertEqual(self.complete("sessiondctl", "store", "sh"), ["shards"])
        self.assertEqual(self.complete("sessiondctl", "store", "-c", "file", "shards", ""), ["add", "move", "status"])
        self.assertEqual(self.complete("sessiondctl", "store", "shards", "move", "--from", "0", "--sl"), ["--slots"])


if __name__ == "__main__":
    unittest.main()
