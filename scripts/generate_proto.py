"""Regenerates `proto/headrace_proto/v1` from `proto/headrace/v1/*.proto`.

Usage: python scripts/generate_proto.py [OUTPUT_FOLDER]

The generated package is called `headrace_proto`, because `headrace` is the client; protoc derives Python imports from
the path of the .proto files, so they are rewritten after generation.
"""

import re
import sys
import tempfile
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent / "proto"
SOURCES = ROOT / "headrace" / "v1"
GENERATED = ROOT / "headrace_proto" / "v1"


def generate(target: Path) -> None:
    """Writes one _pb2.py, one _pb2.pyi and, for services, one _pb2_grpc.py per .proto file into `target`."""
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    with tempfile.TemporaryDirectory() as scratch:
        sources = sorted(str(path.relative_to(ROOT)) for path in SOURCES.glob("*.proto"))
        outputs = [f"--python_out={scratch}", f"--pyi_out={scratch}", f"--grpc_python_out={scratch}"]
        code = protoc.main(["protoc", f"--proto_path={ROOT}", f"--proto_path={well_known}", *outputs, *sources])
        if code != 0:
            raise SystemExit(f"protoc failed with exit code {code}")
        target.mkdir(parents=True, exist_ok=True)
        for path in sorted(Path(scratch, "headrace", "v1").iterdir()):
            text = re.sub(r"from headrace\.v1 import", "from headrace_proto.v1 import", path.read_text())
            if path.name.endswith("_pb2_grpc.py") and "Servicer" not in text:
                continue  # a file without a service
            (target / path.name).write_text(text)


if __name__ == "__main__":
    generate(Path(sys.argv[1]) if len(sys.argv) > 1 else GENERATED)
