"""Instructions that a phone's processor executes to embed one crop, file by file.

python -m tests.clients.arm_instructions FILE.tflite...

Needs `.venv-clients/arm` (`make clients`) and a C compiler. One thread; what is the same for one
crop and for 17, such as the program's start, is taken out. Instructions are no time: loads that
miss a cache cost more than others.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from osnet_tf.export.litert_runtime import LiteRTEmbedder
from tests.clients.arm import CLIENT, PROCESSORS, run
from tests.conftest import ROOT

HERE = Path(__file__).parent


def instructions(file, crops, processor, folder):
    """What the processor executes for crops, uint8 `(n, height, width, 3)`."""
    np.save(folder / "crops.npy", crops)
    plugin = ["-plugin", folder / "count.so"]
    arguments = (HERE / CLIENT, folder, file)
    done = run(ROOT / ".venv-clients/arm", processor, *arguments, options=plugin)
    return int(re.search(r"instructions (\d+)", done.stderr).group(1))


def main(*files):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = HERE / "count_instructions.c"
        compiler = ["cc", "-O2", "-shared", "-fPIC", "-o", folder / "count.so", source]
        subprocess.run(compiler, check=True)
        names = [name.rjust(11) for name in PROCESSORS]
        print("millions of instructions for a crop".ljust(48), *names, sep="  ")
        for file in map(Path, files):
            size = LiteRTEmbedder(file).image_size
            crops = np.random.default_rng(0).integers(0, 256, (17, *size, 3)).astype(np.uint8)
            found = []
            for processor in PROCESSORS:
                one, many = (
                    instructions(file.resolve(), crops[:count], processor, folder)
                    for count in (1, 17)
                )
                found.append(f"{(many - one) / 16e6:11.1f}")
            print(str(file)[-48:].ljust(48), *found, sep="  ", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
