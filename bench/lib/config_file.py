"""Configurations for servers that are measured, also for versions before that do not know every key."""
import pathlib
import re
import subprocess
import tempfile

RETURN_ORIGIN = "https://merchant.example"  # where journeys let the browser be sent back to


def text(settings):
    """YAML of {"section.key": value}."""
    sections = {}
    for key, value in settings.items():
        section, name = key.split(".")
        sections.setdefault(section, []).append(f"  {name}: {value}\n")
    sections.setdefault("redirect", [])[:0] = ["  public_url: https://pay.example\n", f"  return_urls:\n    - \"* {RETURN_ORIGIN}\"\n"]
    return "".join(f"{section}:\n{''.join(lines)}" for section, lines in sections.items())


def unknown_key(build, path):
    """The first key of a configuration that this build has not heard of; None: it knows them all."""
    done = subprocess.run([build / "sessiond", "--check", "--config", path], capture_output=True, text=True, check=False)
    found = re.search(r": (\S+): unknown key$", done.stderr, re.M)
    return found.group(1) if found else None


def known(build, settings):
    """Those of the settings that this build knows."""
    settings = dict(settings)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "config.yaml")
        for _ in range(len(settings)):
            path.write_text(text(settings))
            key = unknown_key(build, path)
            if key is None:
                break
            del settings[key]
    return settings
