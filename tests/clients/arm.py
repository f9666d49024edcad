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


def command(arm, processor, *arguments, options=()):
    """(Command, environment) that run the folder's Python on a processor with arguments."""
    part, features = PROCESSORS[processor]
    cpuinfo = arm / "root/proc/cpuinfo"
    cpuinfo.parent.mkdir(exist_ok=True)
    cpuinfo.write_text(_CPUINFO.format(part=part, features=features))
    (libraries,) = (arm / "qemu/usr/lib").glob("*-linux-gnu")
    emulator = [arm / "qemu/usr/bin/qemu-aarch64", "-cpu", processor, "-L", arm / "root"]
    # The emulator's own libraries are none of the program's
    emulator += ["-U", "LD_LIBRARY_PATH", *options, arm / "root/usr/bin/python3.11"]
    lib = libraries.parent.parent.parent / "lib" / libraries.name
    found = {"LD_LIBRARY_PATH": f"{libraries}:{lib}", "PYTHONPATH": str(arm / "site")}
    return [*emulator, *arguments], {**os.environ, **found}


def run(arm, processor, *arguments, options=()):
    """The finished process; raises CalledProcessError."""
    words, environment = command(arm, processor, *arguments, options=options)
    return subprocess.run(
        words, env=environment, capture_output=True, text=True, check=True, timeout=600
    )
