"""Authorities and certificates for tests, made by the openssl program: none of our code is in them."""
import pathlib
import subprocess


def openssl(*args):
    done = subprocess.run(["openssl", *map(str, args)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


class Pair:
    """certificate and key: paths of PEM files in folder; issuer: another Pair, or None for itself."""

    def __init__(self, folder, name, san=None, issuer=None, authority=False, subject=None, days=30, extra=()):
        folder = pathlib.Path(folder)
        self.certificate, self.key = folder / f"{name}.pem", folder / f"{name}.key"
        text = [f"basicConstraints=critical,CA:{'TRUE' if authority else 'FALSE'}", *extra]
        if san:
            text.append(f"subjectAltName={san}")
        extensions, request = folder / f"{name}.ext", folder / f"{name}.csr"
        extensions.write_text("\n".join(text) + "\n")
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key,
                "-out", request, "-subj", subject or f"/CN={name}")
        signer = ["-CA", issuer.certificate, "-CAkey", issuer.key, "-CAcreateserial"] if issuer else ["-signkey", self.key]
        openssl("x509", "-req", "-in", request, "-out", self.certificate, "-days", days, "-extfile", extensions, *signer)
        self.key.chmod(0o600)


def server_pair(folder, name="server", **options):
    """For localhost and its addresses."""
    return Pair(folder, name, san="DNS:localhost,IP:127.0.0.1,IP:::1", **options)
