"""Write `requirements.lock` and `sbom.json` from `pyproject.toml` and `constraints.txt`; needs the program uv.

The lock has the runtime dependencies with all extras but dev, and the sha256 of every file that pip may choose. Run it
where pip finds PyTorch's build for the CPU: further arguments, such as --find-links FOLDER, are passed to uv.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCK, SBOM = ROOT / "requirements.lock", ROOT / "sbom.json"
EXTRAS = ("hdf5", "onnx", "label", "tensorboard")
HEADER = "# Written by tools/lock.py from constraints.txt: Python 3.11, Linux on x86-64, PyTorch for the CPU.\n"
ENTRY = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)((?:\s*\\\n\s+--hash=sha256:[0-9a-f]{64})+)", re.MULTILINE)


def lock(arguments: list[str]) -> str:
    """Return the lock."""
    extras = [word for extra in EXTRAS for word in ("--extra", extra)]
    command = ["uv", "pip", "compile", "pyproject.toml", *extras, "-c", "constraints.txt", "--generate-hashes"]
    command += ["--python-version", "3.11", "--no-annotate", "--no-header", "-q", *arguments]
    return HEADER + subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def sbom(text: str) -> dict[str, Any]:
    """Return the packages of a lock as a bill of materials (CycloneDX 1.5)."""
    components = [
        {
            "type": "library",
            "name": name,
            "version": version,
            "purl": f"pkg:pypi/{name}@{version.replace('+', '%2B')}",
            "hashes": [{"alg": "SHA-256", "content": each} for each in re.findall(r"sha256:([0-9a-f]{64})", hashes)],
        }
        for name, version, hashes in ENTRY.findall(text)
    ]
    return {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "components": components}


if __name__ == "__main__":
    LOCK.write_text(lock(sys.argv[1:]))
    SBOM.write_text(json.dumps(sbom(LOCK.read_text()), indent=1) + "\n")
