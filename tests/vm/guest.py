# SPDX-License-Identifier: Apache-2.0
"""A guest: Debian's kernel in QEMU (TCG: no KVM is needed), an initramfs with tracer and
the workloads, one boot. What the guest wrote comes back as files. Knows nothing of what
is in them.
"""
import glob
import io
import lzma
import os
import re
import shutil
import subprocess
import tarfile

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
BOOT_LIMIT_S = 900
DIRECTORIES = ("proc", "sys", "dev", "tmp", "root", "bin", "etc", "w", "modules")
MODULES = ("virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev",
           "virtio_pci", "virtio_blk")
DISK_BYTES = 64 << 20


def newest_package(pattern):
    """The newest package of the archive whose name matches."""
    listed = subprocess.run(["apt-cache", "pkgnames", "linux-image-6"], check=True, text=True,
                            stdout=subprocess.PIPE).stdout.split()
    names = [n for n in listed if re.fullmatch(pattern, n)]
    if not names:
        raise RuntimeError(f"no package matches {pattern}: run apt-get update")
    return max(names, key=lambda n: [int(x) for x in re.findall(r"\d+", n)])


def fetch_kernel(pattern, cache):
    """The directory of a kernel package, downloaded and unpacked once, not installed."""
    name = newest_package(pattern)
    target = os.path.join(cache, name)
    if not glob.glob(f"{target}/boot/vmlinuz-*"):
        os.makedirs(target, exist_ok=True)
        subprocess.run(["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", name],
                       cwd=cache, check=True)
        deb = max(glob.glob(f"{cache}/{name}_*.deb"))
        subprocess.run(["dpkg-deb", "-x", deb, target], check=True)
        os.unlink(deb)
    return target


def kernel_image(tree):
    return glob.glob(f"{tree}/boot/vmlinuz-*")[0]


def libraries(program):
    """What the dynamic linker would load, with the linker itself."""
    out = subprocess.run(["ldd", program], check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    return [m[1] for m in re.finditer(r"(/\S+) \(0x", out)]


def copy(source, root, target, mode=0o755):
    path = os.path.join(root, target.lstrip("/"))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    shutil.copyfile(source, path)
    os.chmod(path, mode)


def copy_modules(tree, root):
    """What is not built in of a virtio disk's drivers, in the order of their needs."""
    for i, name in enumerate(MODULES):
        for path in glob.glob(f"{tree}/lib/modules/*/kernel/drivers/*/{name}.ko*"):
            with (lzma.open if path.endswith(".xz") else open)(path, "rb") as f:
                data = f.read()
            with open(os.path.join(root, "modules", f"{i}-{name}.ko"), "wb") as f:
                f.write(data)


def make_initramfs(build, tree, scenarios, cache):
    """busybox, tracer with its libraries, the workloads, init and the scenarios."""
    root = os.path.join(cache, "root")
    shutil.rmtree(root, ignore_errors=True)
    for name in DIRECTORIES:
        os.makedirs(os.path.join(root, name))
    tracer = os.path.join(build, "tracer")
    copy("/bin/busybox", root, "bin/busybox")
    copy(tracer, root, "bin/tracer")
    copy_modules(tree, root)
    for library in libraries(tracer):
        copy(library, root, library)
    for path in glob.glob(f"{build}/tests/workload/*"):
        if os.path.isfile(path):
            copy(path, root, "w/" + os.path.basename(path))
    copy(os.path.join(os.path.dirname(__file__), "init"), root, "init")
    with open(os.path.join(root, "scenarios"), "w", encoding="utf-8") as f:
        f.write(scenarios)
    with open(os.path.join(root, "etc/passwd"), "w", encoding="utf-8") as f:
        f.write("root:x:0:0:root:/root:/bin/sh\n")
    image = os.path.join(cache, "initramfs.gz")
    subprocess.run(f"find . | busybox cpio -o -H newc 2>/dev/null | gzip -1 >{image}",
                   shell=True, cwd=root, check=True)
    return image


def boot(kernel, image, out, limit_s=BOOT_LIMIT_S):
    """One boot to the end. Returns the directory of the files that the guest sent."""
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    console, stream = os.path.join(out, "console"), os.path.join(out, "stream")
    disk, results = os.path.join(out, "disk"), os.path.join(out, "results")
    with open(disk, "wb") as f:
        f.truncate(DISK_BYTES)
    # one CPU: Linux 6.12 with two can crash under TCG, in its own code patching
    argv = ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-m", "1024", "-smp", "1",
            "-display", "none", "-monitor", "none", "-nic", "none", "-no-reboot",
            "-serial", f"file:{console}", "-serial", f"file:{stream}",
            "-drive", f"file={disk},format=raw,if=virtio",
            "-kernel", kernel, "-initrd", image,
            "-append", "console=ttyS0 quiet panic=1 mitigations=off"]
    try:
        subprocess.run(argv, stdin=subprocess.DEVNULL, check=True, timeout=limit_s)
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
        raise RuntimeError(f"{error}\n{console_tail(out)}") from error
    try:
        with open(stream, "rb") as f:
            tarfile.open(fileobj=io.BytesIO(f.read()), mode="r:gz").extractall(results)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise RuntimeError(f"the guest sent no results: {error}\n{console_tail(out)}") from error
    return results


def console_tail(out):
    try:
        with open(os.path.join(out, "console"), encoding="utf-8", errors="replace") as f:
            return "".join(f.readlines()[-30:])
    except OSError:
        return "(no console)"
