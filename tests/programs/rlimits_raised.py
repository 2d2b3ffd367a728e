# trick: raises its resource limits, and those of others
# section: Resources
# abuse: limits of its own raised
# verdict: ACCEPTED
# limits: open_files=100
# expect stdout: 'refused\n'

import os
import resource

for name in dir(resource):
    if not name.startswith("RLIMIT_"):
        continue
    kind = getattr(resource, name)
    soft, hard = resource.getrlimit(kind)
    if hard == resource.RLIM_INFINITY:
        continue
    for wanted in (hard + 1, resource.RLIM_INFINITY):
        try:
            resource.setrlimit(kind, (soft, wanted))
        except (OSError, ValueError):
            continue
        raise SystemExit(f"{name} could be raised from {hard} to {wanted}")
assert resource.getrlimit(resource.RLIMIT_NOFILE)[1] == 100, "open_files is not in force"
assert resource.getrlimit(resource.RLIMIT_CORE)[1] == 0, "core dumps are on"
for other in {1, os.getppid()} - {0}:
    try:
        resource.prlimit(other, resource.RLIMIT_NOFILE, (1, 1))
    except (OSError, ValueError):
        continue
    raise SystemExit(f"the limits of process {other} could be changed")
print("refused")
