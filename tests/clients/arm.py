"""A phone's processor, emulated in the folder that `install_arm` fills."""

import os
import subprocess

CLIENT = "arm_client.py"
#: What LiteRT asks Linux about its processor; QEMU would show that of the machine it runs on. The
#: first has dot products of 8-bit integers, "asimddp", as phones since 2018 do; the second has not.
PROCESSORS = {
    "cortex-a76": ("0xd0b", "atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp"),
    "cortex-a72": ("0xd08", "cpuid"),
}
_CPUINFO = """processor\t: 0
BogoMIPS\t: 48.00
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 {features}
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: {part}
CPU revision\t: 1

"""


def run(arm, processor, *arguments, options=()):
    """The folder's Python on a processor, with arguments, finished; raises CalledProcessError.

    Args:
        arm: The folder.
        processor: One of `PROCESSORS`.
        *arguments: Of the Python.
        options: Of the emulator.
    """
    part, features = PROCESSORS[processor]
    cpuinfo = arm / "root/proc/cpuinfo"
    cpuinfo.parent.mkdir(exist_ok=True)
    cpuinfo.write_text(_CPUINFO.format(part=part, features=features))
    libraries = ":".join(map(str, (arm / "qemu").glob("**/lib/*-linux-gnu")))
    # The emulator's own libraries are none of the program's
    emulator = [arm / "qemu/usr/bin/qemu-aarch64", "-cpu", processor, "-U", "LD_LIBRARY_PATH"]
    return subprocess.run(
        [*emulator, "-L", arm / "root", *options, arm / "root/usr/bin/python3.11", *arguments],
        env={**os.environ, "LD_LIBRARY_PATH": libraries, "PYTHONPATH": str(arm / "site")},
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
