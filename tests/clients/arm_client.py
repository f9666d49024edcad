"""LiteRT on our files, by the Python of an emulated phone's processor, which has none of ours.

python arm_client.py FOLDER FILE...: FOLDER holds `crops.npy`, uint8 RGB of the model's size, and
the files. Leaves what each file says of each crop, as it comes, in `found.npy`.
"""

import platform
import sys
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter


def main(folder, *files):
    folder, found = Path(folder), []
    for name in files:
        interpreter = Interpreter(str(folder / name), num_threads=1)
        interpreter.allocate_tensors()
        embed = interpreter.get_signature_runner()
        for crop in np.load(folder / "crops.npy"):
            (embedding,) = embed(images=crop[None]).values()
            found.append(embedding[0].astype(np.float32))
    np.save(folder / "found.npy", found)
    print(platform.machine())


if __name__ == "__main__":
    main(*sys.argv[1:])
