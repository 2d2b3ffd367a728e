# trick: looks for rights that it should not have
# section: Kernel surface
# verdict: ACCEPTED
# expect stdout: 'none\n'

import os

status = {}
with open("/proc/self/status") as file:
    for line in file:
        name, _, value = line.partition(":")
        status[name] = value.split()
for capabilities in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
    assert int(status[capabilities][0], 16) == 0, (capabilities, status[capabilities])
assert status["NoNewPrivs"] == ["1"], status["NoNewPrivs"]
assert status["Seccomp"] == ["2"], status["Seccomp"]
assert status["Uid"] == ["1000"] * 4, status["Uid"]
assert status["Gid"] == ["1000"] * 4, status["Gid"]
assert os.getgroups() in ([], [1000]), os.getgroups()
for change in (
    lambda: os.setuid(0),
    lambda: os.setgid(0),
    lambda: os.setresuid(0, 0, 0),
    lambda: os.setuid(65534),
    lambda: os.setgroups([0]),
):
    try:
        change()
    except OSError:
        continue
    raise SystemExit("another user was allowed")
print("none")
