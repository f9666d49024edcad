"""A phone's processor in a folder: QEMU, Debian's Python for 64-bit ARM and LiteRT for it.

python -m tests.clients.install_arm FOLDER

For Debian 12. All is unpacked, nothing installed, and root is not needed: APT keeps its lists in
the folder too. FOLDER/qemu, FOLDER/root and FOLDER/site are the emulator, the system that it runs
in and LiteRT.
"""

import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

QEMU = [
    *("qemu-user", "libcapstone4", "libglib2.0-0", "libgnutls30", "libnuma1", "liburing2"),
    *("libpcre2-8-0", "libp11-kit0", "libidn2-0", "libunistring2", "libtasn1-6"),
    *("libnettle8", "libhogweed6", "libgmp10", "libffi8", "zlib1g"),
]
PYTHON = [
    *("python3.11", "python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib"),
    *("libc6", "libstdc++6", "libgcc-s1", "libexpat1", "zlib1g", "libffi8"),
    *("libbz2-1.0", "liblzma5", "libssl3"),
]
LITERT = [
    *("ai-edge-litert", "numpy", "ml-dtypes", "protobuf"),
    *("flatbuffers", "backports.strenum", "tqdm", "typing-extensions"),
]


def unpack(architecture, packages, place):
    """Debian packages of an architecture, unpacked into a folder."""
    state = place.parent / f"apt-{architecture}"
    archives = state / "archives"
    for folder in (state / "lists/partial", state / "cache/archives/partial", archives):
        folder.mkdir(parents=True, exist_ok=True)
    settings = {
        "Dir::State::lists": state / "lists",
        "Dir::Cache": state / "cache",
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Sandbox::User": "",
    }
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    for command in (["update"], ["download", *packages]):
        subprocess.run(["apt-get", "-qq", *options, *command], cwd=archives, check=True)
    for package in sorted(archives.glob("*.deb")):
        subprocess.run(["dpkg", "-x", package, place], check=True)


def main(folder):
    folder = Path(folder).resolve()
    own = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, check=True)
    unpack(own.stdout.decode().strip(), QEMU, folder / "qemu")
    unpack("arm64", PYTHON, folder / "root")
    wheels = folder / "wheels"
    platforms = [f"--platform=manylinux{name}_aarch64" for name in ("2014", "_2_27", "_2_28")]
    wanted = [f"{name}=={version(name)}" for name in LITERT]
    download = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    options = ["--python-version=3.11", *platforms, f"--dest={wheels}"]
    subprocess.run([*download, *options, *wanted], check=True)
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as file:
            file.extractall(folder / "site")


if __name__ == "__main__":
    main(*sys.argv[1:])
