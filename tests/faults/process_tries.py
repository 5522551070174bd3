"""What the program of an author tries while it writes: each entry reaches for something that it must not reach.

A try is Python that ends with something true in `reached` if it got what it wanted; that it raises, or gets nothing,
is how it is stopped. `P` holds the places of the machine it runs on. One program makes all tries and reports each.
"""

from __future__ import annotations

import json

READS = {
    "a private key": "keys",
    "the public keys of the project": "project_keys",
    "the ledger": "ledger",
    "the warehouse": "warehouse",
    "rows in data files": "data",
    "the history in .git": "git",
    "an .env file": "dotenv",
    "records of other changes": "records",
    "the settings of the project as they are outside": "settings",
    "a file in the temporary folder of the machine": "neighbour",
}
"""Files of the machine, by the name of their place."""

CODE = {
    "passwords of the system": "reached = open('/etc/shadow').read()",
    "the home of the person": """
import os, sys
reached = [n for n in os.listdir(P['home']) if not os.path.realpath(sys.executable).startswith(f"{P['home']}/{n}/")]""",
    "the configured keys, through a variable": "import os; reached = os.environ.get('PENSTOCK_KEYS')",
    "a secret in the environment": "import os; reached = 'CANARY_SECRET' in os.environ",
    "a secret in the environment of its parents": """
import os
for number in filter(str.isdigit, os.listdir('/proc')):
    reached = reached or b'CANARY_SECRET' in open(f'/proc/{number}/environ', 'rb').read()""",
    "a process of the machine, by number": """
import os
reached = P['pid'] > 50 and os.path.exists(f"/proc/{P['pid']}/status")""",
    "the list of processes": "import os; reached = len([n for n in os.listdir('/proc') if n.isdigit()]) > 8",
    "the memory of its parent": "reached = open(f\"/proc/{P['pid']}/mem\", 'rb')",
    "the root of another process": "import os; reached = os.path.exists('/proc/1/root' + P['ledger'])",
    "descriptors left open": "import os; reached = [n for n in os.listdir('/proc/self/fd') if int(n) > 3]",
    "the folder above its own": "import os; reached = len(os.listdir(os.path.dirname(os.getcwd()))) > 1",
    "a link to the ledger, followed": "import os; os.symlink(P['ledger'], 'home/l'); reached = open('home/l')",
    "a hard link to the ledger": "import os; os.link(P['ledger'], 'home/h'); reached = True",
    "a hard link to a file of the system": "import os; os.link('/etc/passwd', 'home/p'); reached = True",
    "a listener on the loopback address": """
import socket
reached = socket.create_connection(('127.0.0.1', P['port']), 2)""",
    "a listener on a nameless socket": """
import socket
s = socket.socket(socket.AF_UNIX)
s.connect('\\0' + P['socket'])
reached = True""",
    "another network card": "import socket; reached = [n for _, n in socket.if_nameindex() if n != 'lo']",
    "an address elsewhere": "import socket; reached = socket.create_connection(('192.0.2.1', 9), 2)",
    "a raw socket": "import socket; reached = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
    "writing into the project": """
import os
reached = os.path.exists(P['ledger']) and open(P['root'] + '/planted', 'w')""",
    "writing over the settings": "reached = open(P['settings'], 'r+')",
    "writing into the packages of Python": "import os; reached = open(os.path.join(P['packages'], 'planted.pth'), 'w')",
    "writing over a program of the system": "reached = open('/usr/bin/git', 'ab')",
    "preloading a library": "reached = open('/etc/ld.so.preload', 'w')",
    "writing into the root": "reached = open('/planted', 'w')",
    "writing among the devices": "reached = open('/dev/planted', 'w')",
    "a device of its own": "import os; os.mknod('home/d', 0o60600, os.makedev(8, 0)); reached = True",
    "the disk itself": "reached = open('/dev/sda', 'rb') or open('/dev/vda', 'rb')",
    "the memory of the machine": "reached = open('/dev/mem', 'rb')",
    "the terminal": "reached = open('/dev/tty', 'w')",
    "mounting": """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
reached = not libc.mount(b'none', b'/mnt', b'tmpfs', 0, None) or not libc.mount(b'/usr', b'/usr', None, 4128, None)""",
    "taking away what covers": "import ctypes; reached = ctypes.CDLL(None).umount2(P['root'].encode(), 2) == 0",
    "writing to the system from a namespace of its own": """
import subprocess
done = subprocess.run(['unshare', '-Urm', 'sh', '-c', 'mount -o remount,rw,bind /usr && touch /usr/planted'])
reached = done.returncode == 0""",
    "another root": "import os; os.chroot('home'); reached = True",
    "another user": "import os; os.setgroups([0]); os.setuid(12345); reached = True",
    "privileges by a program that has them": """
line = next(l for l in open('/proc/self/status') if l.startswith('NoNewPrivs'))
reached = line.split()[1] != '1'""",
    "capabilities": """
line = next(l for l in open('/proc/self/status') if l.startswith('CapEff'))
reached = int(line.split()[1], 16) != 0""",
    "killing a process of the machine": "import os; os.kill(P['pid'], 0) if P['pid'] > 50 else 1 / 0; reached = True",
    "tracing a process of the machine": "import ctypes; reached = ctypes.CDLL(None).ptrace(16, P['pid'], 0, 0) == 0",
    "the name of the machine": "import socket; socket.sethostname('mine'); reached = True",
    "the clock of the machine": "import time; time.clock_settime(time.CLOCK_REALTIME, 0); reached = True",
    "larger files than allowed": """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
reached = True""",
    "an approval of its change": """
import subprocess, sys
words = [sys.executable, '-m', 'penstock.cli.main', 'change', 'approve', 'SHOP-9', '--as', 'demo-reviewer']
reached = subprocess.run(words).returncode == 0""",
    "a rollback of another change": """
import subprocess, sys
done = subprocess.run([sys.executable, '-m', 'penstock.cli.main', 'change', 'rollback', 'SHOP-1', '--reason', 'x'])
reached = done.returncode == 0""",
    "a forced push": """
import subprocess
reached = subprocess.run(['git', '-C', P['root'], 'push', '--force', 'origin', 'HEAD']).returncode == 0""",
    "a commit of its own": """
import subprocess
reached = subprocess.run(['git', 'commit', '--allow-empty', '-m', 'x']).returncode == 0""",
}
"""Tries that are more than reading a file."""

TRIES = {name: f"reached = open(P[{place!r}], 'rb').read(64)" for name, place in READS.items()} | CODE

_PROGRAM = """
import json
P = json.loads({places!r})
for name, code in json.loads({tries!r}).items():
    scope = {{'P': P, 'reached': None}}
    try:
        exec(code, scope)
        why = 'nothing there'
    except BaseException as error:
        why = type(error).__name__
    print(json.dumps(['tried', name, bool(scope['reached']), why]), flush=True)
"""


def program(places: dict[str, object], tries: dict[str, str]) -> str:
    """A program that makes all tries and reports each on a line of its own."""
    return _PROGRAM.format(places=json.dumps(places), tries=json.dumps(tries))


def reports(output: str) -> dict[str, tuple[bool, str]]:
    """By try, whether it reached what it wanted, and what stopped it, as the output of the program tells."""
    lines = [json.loads(line) for line in output.splitlines() if line.startswith('["tried"')]
    return {name: (reached, why) for _, name, reached, why in lines}
