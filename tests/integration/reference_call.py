"""The call of the platform's reference page as README.md and deploy/quickstart.sh print it, for a server on a port of its own: shell scripts in which
nothing but the port and the folder of the server's data is another."""
import re
import shlex

from harness import SOURCE

PORT, DATA = "8080", "build/sandbox-data"


def for_server(script, server):
    assert DATA in script and f":{PORT}" in script, script
    return script.replace(f"$PWD/{DATA}", str(server.data)).replace(f"localhost:{PORT}", f"localhost:{server.port}")


def readme(server):
    block, = re.findall(r"^    export SSL_CERT_FILE=.*\n(?:^ {4}.*\n)+", (SOURCE / "README.md").read_text(), flags=re.M)
    return for_server("\n".join(line.removeprefix("    ") for line in block.splitlines()), server)


def quickstart(server):
    """What demonstrate() does, with buf and curl left out; it prints no answer but that of the call over TLS."""
    text = (SOURCE / "deploy" / "quickstart.sh").read_text()
    assert f":-127.0.0.1:{PORT}}}" in text and f"\ndata={DATA}\n" in text
    path = re.search(r"^path=.*$", text, re.M)[0]
    functions = [re.search(rf"^{name}\(\) {{.*?^}}$", text, re.M | re.S)[0].replace("$PWD/$data", "$data") for name in ("demonstrate_tls", "demonstrate")]
    assert "$data/dev/ca.pem" in functions[0], functions[0]
    values = [f"{name}={shlex.quote(str(value))}" for name, value in
              (("listen", server.address), ("data", server.data), ("clients", server.temporary), ("buf", "true"))]
    return "\n".join(["curl() { :; }", path, *values, *functions, "demonstrate"])
