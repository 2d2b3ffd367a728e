# trick: none: names sent along that look as if they left the directory stay in it; those that do are refused by the test
# section: Files
# abuse: names in requests: absolute, or with `..`
# file: ..name 'b'
# file: deep/..../etc/passwd 'c'
# file: ~/.ssh/authorized_keys 'd'
# file: $HOME/x 'e'
# verdict: ACCEPTED
# expect stdout: '$HOME/x\n..name\ndeep/..../etc/passwd\nmain.py\n~/.ssh/authorized_keys\n'

import os

found = []
for place, _, names in os.walk("/work"):
    found += [os.path.relpath(os.path.join(place, name), "/work") for name in names]
print("\n".join(sorted(found)))
with open("/etc/passwd") as file:
    assert len(file.read()) > 1
