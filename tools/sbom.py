"""Write a bill of materials into wheels: CycloneDX 1.6, in .dist-info/sboms (PEP 770).

    python tools/sbom.py dist            every wheel in the folder

It lists the package, what it needs to run, what built it, and each compiled module with its digest. Needs the package wheel.
"""
from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tempfile
import uuid
from email.parser import Parser
from importlib import metadata
from pathlib import Path

BUILT_WITH = ["cython", "setuptools"]


def bill(folder: Path, info: Path) -> dict:
    """The bill of an unpacked wheel."""
    package = Parser().parsestr((info / "METADATA").read_text())
    name, version = package["Name"], package["Version"]
    modules = sorted(p for p in folder.rglob("*") if p.suffix in (".so", ".pyd", ".dylib"))
    digest = hashlib.sha256(b"".join(p.read_bytes() for p in modules)).hexdigest()
    needed = [r for r in package.get_all("Requires-Dist") or [] if "extra ==" not in r]

    def found(each: str) -> str:
        try:
            return metadata.version(each)
        except metadata.PackageNotFoundError:
            return "unknown"

    return {
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "serialNumber": f"urn:uuid:{uuid.UUID(digest[:32])}",
        "metadata": {
            "component": {"type": "library", "bom-ref": name, "name": name, "version": version,
                          "purl": f"pkg:pypi/{name.replace('_', '-')}@{version}", "licenses": [{"license": {"id": "MIT"}}]},
            "tools": {"components": [{"type": "application", "name": each, "version": found(each)} for each in BUILT_WITH]},
        },
        "components": [
            *({"type": "library", "bom-ref": r, "name": re.split("[<>=!~ ]", r)[0], "description": f"needed to run: {r}",
               "purl": f"pkg:pypi/{re.split('[<>=!~ ]', r)[0]}"} for r in needed),
            *({"type": "file", "name": str(p.relative_to(folder)),
               "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(p.read_bytes()).hexdigest()}]} for p in modules),
        ],
        "dependencies": [{"ref": name, "dependsOn": needed}],
    }


def add(wheel: Path) -> Path:
    """Write the bill into a wheel, in place."""
    with tempfile.TemporaryDirectory() as temporary:
        quiet = {"check": True, "stdout": subprocess.DEVNULL}
        subprocess.run([sys.executable, "-m", "wheel", "unpack", "-d", temporary, str(wheel)], **quiet)
        folder = next(Path(temporary).iterdir())
        info = next(folder.glob("*.dist-info"))
        (info / "sboms").mkdir(exist_ok=True)
        (info / "sboms" / "tinygrad_c.cdx.json").write_text(json.dumps(bill(folder, info), indent=1) + "\n")
        subprocess.run([sys.executable, "-m", "wheel", "pack", "-d", str(wheel.parent), str(folder)], **quiet)
    return wheel


def main() -> None:
    wheels = sorted(Path(sys.argv[1]).glob("*.whl")) if len(sys.argv) == 2 else []
    if not wheels:
        sys.exit(__doc__)
    for wheel in wheels:
        print(f"{add(wheel).name}: has a bill of materials")


if __name__ == "__main__":
    main()
