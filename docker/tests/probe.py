#!/usr/bin/env python3
"""Holds a built image to docker/README.md: `docker/tests/probe.py IMAGE PROFILE`, as root, with podman.

Each thing it holds is one line with its figure. The first that does not hold ends it, with exit code 1. Containers use
the host's network, so that no published port stands between: what is measured is the image.
"""

import base64
import contextlib
import http.client
import json
import os
import pathlib
import re
import socket
import ssl
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import zlib

PODMAN = ["podman"]
# A task of Fargate's smallest size has a quarter of a CPU; half of its least memory.
LIMITS = ["--memory", "256m", "--cpus", "0.25"]
LOCKED = ["--network", "host", "--ulimit", "nofile=16384:16384", "--ulimit", "nproc=8192:8192",
          "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# What is shipped, and what is quicker to build.
MOST_BYTES = {"dist": 25_000_000, "release": 30_000_000, "quick": 52_000_000}
MOST_START_MS = 100
DOMAINS = 10
DELAY_S = 1
DOMAIN = "api0.internal.example.com"


def say(what, figure):
    print(f"image: {what}: {figure}", flush=True)


def hold(truth, what):
    if not truth:
        sys.exit(f"image: NOT SO: {what}")


def run(*words, check=True, timeout=120):
    done = subprocess.run(words, capture_output=True, text=True, timeout=timeout)
    if check and done.returncode != 0:
        sys.exit(f"image: `{' '.join(words)}` failed ({done.returncode}):\n{done.stdout}{done.stderr}")
    return done


def podman(*words, check=True, timeout=120):
    return run(*PODMAN, *words, check=check, timeout=timeout)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(what, condition, seconds=20):
    """Waits for an event that comes from another process."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.02)
    sys.exit(f"image: NOT SO: {what} within {seconds} s")


def get(port, path, host="127.0.0.1", tls=False):
    """Status and text; (0, why) where nobody answers."""
    if tls:
        # Its certificate is signed by nobody.
        trusting = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=trusting)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        try:
            connection.request("GET", path, headers={"Host": host})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError as e:
            return 0, str(e)


def mapping(domains):
    entries = "".join(
        f"  - CUSTOM_DOMAIN_URL: {domain}\n"
        f"    PRIVATE_API_URL: https://api{n}.execute-api.eu-west-1.amazonaws.com/prod\n"
        for n, domain in enumerate(domains))
    return "APIS:\n" + entries


def replace(path, text):
    beside = path.with_suffix(".new")
    beside.write_text(text)
    beside.chmod(0o644)
    beside.rename(path)


class Container:
    """One that is run until the `with` ends."""

    def __init__(self, image, *words, options=(), limits=LIMITS, read_only=True):
        root = ["--read-only"] if read_only else []
        # No timer asks for its health: this does, when it wants to know.
        self.id = podman("create", *LOCKED, *limits, *root, "--health-interval", "disable", *options, image,
                         *words).stdout.strip()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            print(f"image: its log:\n{self.log()}", file=sys.stderr)
        podman("rm", "-f", "-v", "-t", "0", self.id, check=False)

    def init(self):
        podman("init", self.id)
        return int(podman("inspect", "--format", "{{.State.Pid}}", self.id).stdout)

    def start(self):
        podman("start", self.id)
        return self

    def log(self):
        done = podman("logs", self.id, check=False)
        return done.stdout + done.stderr

    def pid(self):
        return int(podman("inspect", "--format", "{{.State.Pid}}", self.id).stdout)

    def exec(self, *words):
        return podman("exec", self.id, *words, check=False)

    def ended(self, seconds):
        return int(podman("wait", self.id, timeout=seconds).stdout)


class Bench:
    """A folder, a stand-in for API Gateway out of the image, and proxies in front of it."""

    def __init__(self, image, folder):
        self.image, self.folder = image, folder
        folder.chmod(0o755)
        self.domains = [f"api{n}.internal.example.com" for n in range(DOMAINS)]
        replace(folder / "mapping.yaml", mapping(self.domains))
        self.trust = folder / "trust"
        self.trust.mkdir()
        os.chown(self.trust, 65532, 65532)
        self.mounts = ["-v", f"{folder}:/etc/nameplate:ro"]
        self.gateway_port = free_port()
        self.gateway = Container(
            image, "demo", "--gateway", f"127.0.0.1:{self.gateway_port}", "--authority", "/trust/ca.pem", "--mapping",
            "/etc/nameplate/mapping.yaml", options=[*self.mounts, "-v", f"{self.trust}:/trust"], limits=[])

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            # Where it does not come up, it is taken away, too, and its log is shown.
            stack.enter_context(self.gateway).start()
            until("the stand-in for API Gateway is up", (self.trust / "ca.pem").exists)
            self.end = stack.pop_all().__exit__
        return self

    def __exit__(self, *raised):
        self.end(*raised)

    def proxy(self, ca_file="/etc/nameplate/trust/ca.pem", more=None, options=(), **how):
        ports = {"plain": free_port(), "tls": free_port(), "admin": free_port()}
        endpoint = {"fixed": [f"127.0.0.1:{self.gateway_port}"], **({"ca_file": ca_file} if ca_file else {})}
        settings = {
            "mapping": "/etc/nameplate/mapping.yaml",
            # Only what is told reloads.
            "reload": {"watch": False, "poll": "1h", "max_removed": 100},
            "listeners": [
                {"address": f"127.0.0.1:{ports['plain']}"},
                {"address": f"127.0.0.1:{ports['tls']}", "tls": {"self_signed": ["localhost"]}}],
            "admin": f"127.0.0.1:{ports['admin']}",
            "endpoint": endpoint,
            "shutdown": {"delay": f"{DELAY_S}s"},
            **(more or {})}
        environment = f"NAMEPLATE_SETTINGS={json.dumps(settings)}"
        made = Container(self.image, options=[*self.mounts, "-e", environment, *options], **how)
        made.ports = ports
        return made

    def ready(self, proxy):
        until("the proxy is ready", lambda: get(proxy.ports["admin"], "/readyz")[0] == 200)
        return proxy


# What is in it.

def what_it_says_of_itself(image, profile):
    told = json.loads(podman("image", "inspect", image).stdout)[0]
    config = told["Config"]
    hold(config["User"] == "65532:65532", f"the user is {config['User']}")
    hold(config["StopSignal"] in ("SIGTERM", "15"), f"it stops on {config['StopSignal']}")
    health = told.get("HealthCheck") or told.get("Healthcheck") or config.get("Healthcheck") or {}
    hold(health.get("Test") == ["CMD", "/nameplate", "healthcheck"], f"the health check is {health}")
    labels = {key.rsplit(".", 1)[1]: value for key, value in (told["Labels"] or {}).items() if "opencontainers" in key}
    version = re.search(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.M)[1]
    hold(set(labels) >= {"title", "description", "licenses", "version", "revision"}, f"labels: {labels}")
    hold(labels["version"] == version, f"it says it is {labels['version']}, and the crate {version}")
    say("user, stop signal, health check, labels", f"65532:65532, SIGTERM, nameplate healthcheck, {len(labels)} labels")
    most = MOST_BYTES[profile]
    hold(told["Size"] < most, f"{told['Size']} bytes, limit {most}")
    say(f"size, profile {profile}", f"{told['Size'] / 1e6:.1f} MB, limit {most / 1e6:.0f}")


def files_in_it(root):
    want = {"nameplate", "etc/ssl/certs/ca-certificates.crt"}
    folders = {"etc", "etc/ssl", "etc/ssl/certs", "var", "var/cache", "var/cache/nameplate"}
    # What podman puts there for the mounts of its own is empty.
    paths = {str(path.relative_to(root)): path for path in root.rglob("*")}
    files = {name for name, path in paths.items() if path.is_symlink() or not path.is_dir()}
    hold(files == want, f"files: {sorted(files ^ want)}")
    hold(folders == set(paths) - files, f"folders: {sorted((set(paths) - files) ^ folders)}")
    loose = [name for name, path in paths.items() if path.stat().st_mode & 0o6022]
    hold(not loose, f"others may write, or it is setuid: {loose}")
    cache = (root / "var/cache/nameplate").stat()
    hold((cache.st_uid, cache.st_gid) == (65532, 65532), "the volume is not 65532's")
    times = {int(path.stat().st_mtime) for path in paths.values()}
    hold(times == {0}, f"files have the times {sorted(times)[:4]}")
    text = (root / "etc/ssl/certs/ca-certificates.crt").read_text()
    authorities = re.findall(r"-----BEGIN CERTIFICATE-----\n(.*?)-----END", text, re.S)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=text)
    hold(all(base64.b64decode(one)[0] == 0x30 for one in authorities) and len(authorities) > 100, "the authorities")
    parsed = context.cert_store_stats()["x509_ca"]
    say("files", f"{len(files)}, no shell, all of the time 0; {parsed} authorities parse")


def section(elf, name):
    """A section of a 64-bit little-endian ELF file, None where there is none."""
    at, = struct.unpack_from("<Q", elf, 0x28)
    size, count, names = struct.unpack_from("<HHH", elf, 0x3A)
    headers = [struct.unpack_from("<IIQQQQ", elf, at + n * size) for n in range(count)]
    texts = headers[names][4]
    for text, _, _, _, offset, length in headers:
        start = texts + text
        if elf[start:elf.index(b"\0", start)].decode() == name:
            return elf[offset:offset + length]
    return None


def binary_in_it(path):
    elf = path.read_bytes()
    at, = struct.unpack_from("<Q", elf, 0x20)
    size, count = struct.unpack_from("<HH", elf, 0x36)
    kinds = {struct.unpack_from("<I", elf, at + n * size)[0] for n in range(count)}
    hold(3 not in kinds, "the binary wants an interpreter: it is not static")
    for trace in (b"/usr/local/cargo", b"/usr/local/rustup", b"/src/target", b"/src/src", b"/src/crates"):
        where = elf.find(trace)
        hold(where < 0, f"a path of the build is in it: {elf[where:where + 80]}")
    say("binary", f"{len(elf) / 1e6:.1f} MB, static, no path of its build in it")
    listed = json.loads(zlib.decompress(section(elf, ".dep-v0") or sys.exit("image: NOT SO: it lists no crates")))
    listed = {(crate["name"], crate["version"]) for crate in listed["packages"]}
    lock = (ROOT / "Cargo.lock").read_text()
    locked = set(re.findall(r'\[\[package\]\]\nname = "(.*)"\nversion = "(.*)"', lock))
    hold(listed <= locked, f"not in Cargo.lock: {sorted(listed - locked)[:5]}")
    # Of the program alone: the bench is a default member too.
    tree = run("cargo", "tree", "--locked", "--manifest-path", str(ROOT / "Cargo.toml"), "-p", "nameplate",
               "-e", "normal,no-proc-macro", "--target", f"{os.uname().machine}-unknown-linux-musl",
               "--prefix", "none", timeout=300).stdout
    linked = {(name, version) for name, version in re.findall(r"^(\S+) v(\S+)", tree, re.M)}
    hold(linked <= listed, f"linked and not listed: {sorted(linked - listed)[:5]}")
    say("list of crates in the binary", f"{len(listed)}, every one of the {len(linked)} that are linked among them")


# What it does.

def start_time(bench, runs=15):
    """To the first 200 of /readyz, from the last look at the process that still found the runtime in it and not
    ours: what it says is never too little, and on a busy machine too much."""
    took = []
    for _ in range(runs):
        with bench.proxy() as proxy:
            exe = f"/proc/{proxy.init()}/exe"
            # Where there is no systemd, it complains that nothing will ask for the health by itself.
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            starting = subprocess.Popen([*PODMAN, "start", proxy.id], **quiet)
            end = time.monotonic() + 20
            while time.monotonic() < end:
                looked = time.monotonic()
                if os.readlink(exe).endswith("/nameplate"):
                    break
                before = looked
            while get(proxy.ports["admin"], "/readyz")[0] != 200:
                hold(time.monotonic() < end, "it starts within 20 s")
            took.append((time.monotonic() - before) * 1000)
            hold(starting.wait(20) == 0, "podman starts it")
    median = statistics.median(took)
    hold(median < MOST_START_MS, f"it starts in {median:.0f} ms")
    say(f"exec to ready, {DOMAINS} domains, 0.25 CPU", f"{median:.0f} ms median of {runs} "
        f"({min(took):.0f} to {max(took):.0f}), limit {MOST_START_MS}")


def load(port, requests, connections, *words):
    """h2load's figures: requests a second, where each was answered 2xx."""
    told = run("h2load", "-n", str(requests), "-c", str(connections), f"--connect-to=127.0.0.1:{port}", *words,
               f"https://{DOMAIN}:{port}/hello", timeout=300).stdout
    counts = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", told)
    good = re.search(r"status codes: (\d+) 2xx", told)
    hold(counts and good, told)
    hold(int(good[1]) == requests and [int(n) for n in counts.groups()] == [requests, 0, 0, 0], told)
    return float(re.search(r"([\d.]+) req/s", told)[1])


def serving(bench):
    with bench.proxy() as proxy:
        bench.ready(proxy.start())
        for tls in (False, True):
            status, text = get(proxy.ports["tls" if tls else "plain"], "/hello?a=%20", DOMAIN, tls)
            hold(status == 200 and json.loads(text)["path"] == "/prod/hello?a=%20", f"TLS {tls}: {status} {text}")
        hold(get(proxy.ports["plain"], "/", "nobody.example.com")[0] == 421, "an unknown host is answered 421")
        two = load(proxy.ports["tls"], 10_000, 20, "-m", "5")
        one = load(proxy.ports["tls"], 5_000, 20, "--h1")
        say("256 MB, 0.25 CPU, read-only, no capability: 15,000 requests over TLS to a verified API, none failed",
            f"{two:.0f}/s over HTTP/2, {one:.0f}/s over HTTP/1.1")
        metrics = get(proxy.ports["admin"], "/metrics")[1]
        limit = re.search(r"^nameplate_cpu_limit_cores (\S+)", metrics, re.M)[1]
        hold(float(limit) == 0.25, f"it takes {limit} cores for its limit")
        say("CPU limit, as the metrics have it from the cgroup", limit)


def thousand_connections(bench):
    # How much memory is the question here. With a quarter of a CPU, handshakes would come to their time limits.
    with bench.proxy(limits=["--memory", "256m"]) as proxy:
        bench.ready(proxy.start())
        pid = proxy.pid()

        def resident(key):
            return int(re.search(rf"{key}:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) / 1024

        idle = resident("VmRSS")
        load(proxy.ports["tls"], 10_000, 1000, "-m", "1")
        peak = resident("VmHWM")
        hold(proxy.pid() == pid and peak < 256, f"{peak} MB")
        say("memory", f"{idle:.0f} MB idle, {peak:.0f} MB at the most with 1,000 TLS connections of HTTP/2")


def reloading(bench):
    with bench.proxy() as proxy:
        bench.ready(proxy.start())
        took = []
        orders = [("SIGHUP", lambda: podman("kill", "--signal", "HUP", proxy.id)),
                  ("nameplate reload", lambda: podman("exec", proxy.id, "/nameplate", "reload"))]
        for name, order in orders:
            new = f"{name.split()[-1].lower()}.internal.example.com"
            hold(get(proxy.ports["plain"], "/", new)[0] == 421, f"{new} is not there yet")
            replace(bench.folder / "mapping.yaml", mapping([*bench.domains, new][-DOMAINS:]))
            began = time.monotonic()
            order()
            # The stand-in's APIs have numbers, and so have the mapping's, whatever the domain.
            until(f"{new} is served", lambda: get(proxy.ports["plain"], "/", new)[0] == 200)
            took.append(f"{name} {(time.monotonic() - began) * 1000:.0f} ms")
        replace(bench.folder / "mapping.yaml", mapping(bench.domains))
        say("reload of a changed mapping, from the order to the first answer", ", ".join(took))


def health(bench):
    with bench.proxy() as proxy:
        bench.ready(proxy.start())
        hold(podman("healthcheck", "run", proxy.id, check=False).returncode == 0, "it is healthy while it serves")
        pid = proxy.pid()
        os.kill(pid, 19)
        try:
            sick = podman("healthcheck", "run", proxy.id, check=False)
        finally:
            os.kill(pid, 18)
        hold(sick.returncode == 1, f"it is unhealthy while it answers nothing: {sick}")
        nobody = proxy.exec("/nameplate", "healthcheck", "--admin", f"127.0.0.1:{free_port()}")
        hold(nobody.returncode == 1, f"nobody there is exit code 1: {nobody}")
        say("health check", "0 while it serves, 1 while it answers nothing, 1 where nobody listens")


def trust(bench):
    """The authorities in the image are those it goes by: they do not vouch for the stand-in, and another file does."""
    store = "/etc/ssl/certs/ca-certificates.crt"
    with bench.proxy(ca_file=None) as proxy:
        proxy.start()
        until("it is up", lambda: get(proxy.ports["admin"], "/livez")[0] == 200)
        hold(get(proxy.ports["plain"], "/", DOMAIN)[0] == 502, "an API that no authority vouches for is answered 502")
    with bench.proxy(ca_file=None, options=["-v", f"{bench.trust / 'ca.pem'}:{store}:ro"]) as proxy:
        bench.ready(proxy.start())
        hold(get(proxy.ports["plain"], "/", DOMAIN)[0] == 200, "the authority in that place is trusted")
    say("authorities", f"it trusts those of {store} and no others")


def stopping(bench):
    with bench.proxy() as proxy:
        bench.ready(proxy.start())
        with socket.create_connection(("127.0.0.1", proxy.ports["plain"]), timeout=10) as client:
            client.sendall(f"POST /slow HTTP/1.1\r\nHost: {DOMAIN}\r\nContent-Length: 10\r\n\r\nhello".encode())
            until("the request is in flight", lambda: "nameplate_requests_in_flight 1" in
                  get(proxy.ports["admin"], "/metrics")[1])
            began = time.monotonic()
            podman("kill", "--signal", "TERM", proxy.id)
            until("it says that it is not ready", lambda: get(proxy.ports["admin"], "/readyz")[0] == 503)
            client.sendall(b"world")
            answer = client.recv(65536)
            hold(answer.startswith(b"HTTP/1.1 200"), f"the request in flight is answered: {answer[:80]}")
            code = proxy.ended(30)
            took = time.monotonic() - began
        hold(code == 0, f"exit code {code}")
        hold(took < DELAY_S + 2, f"it ended after {took:.1f} s")
        say(f"SIGTERM as process 1 with a request in flight, delay {DELAY_S} s", f"answered, exit 0 after {took:.2f} s")


def nothing_written(bench):
    with bench.proxy(read_only=False, more={"reload": {"cache": "/var/cache/nameplate"}}) as proxy:
        proxy.init()
        before = podman("diff", proxy.id).stdout
        bench.ready(proxy.start())
        hold(get(proxy.ports["plain"], "/", DOMAIN)[0] == 200, "it serves")
        mounts = {one["Destination"]: one["Source"] for one in
                  json.loads(podman("inspect", proxy.id).stdout)[0]["Mounts"]}
        volume = pathlib.Path(mounts["/var/cache/nameplate"])
        until("the mapping is kept", lambda: any(volume.iterdir()))
        hold(podman("diff", proxy.id).stdout == before, "it wrote outside its volume, where the root can be written")
        kept = len(list(volume.iterdir()))
        say("written", f"{kept} file in its volume, nothing elsewhere, with a root it could write to")


def main(image, profile):
    what_it_says_of_itself(image, profile)
    root = pathlib.Path(podman("image", "mount", image).stdout.strip())
    try:
        files_in_it(root)
        binary_in_it(root / "nameplate")
    finally:
        podman("image", "umount", image, check=False)
    with tempfile.TemporaryDirectory() as folder, Bench(image, pathlib.Path(folder)) as bench:
        for check in (start_time, serving, thousand_connections, reloading, health, trust, stopping, nothing_written):
            check(bench)


if __name__ == "__main__":
    main(*sys.argv[1:])
