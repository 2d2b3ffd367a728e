# trick: hard links to files of others, which would survive in its own directory
# section: Files
# verdict: ACCEPTED
# expect stdout: 'refused\n'

import os

for path in ("/usr/bin/env", "/etc/passwd", "/dev/null", "/proc/self/exe", "/dev/stdin", "/dev/stdout"):
    for follow in (True, False):
        try:
            os.link(path, "/work/linked", follow_symlinks=follow)
        except OSError:
            continue
        # A symbolic link on the same tmpfs may be linked; what it names may not.
        assert os.path.islink("/work/linked"), f"{path} could be linked"
        os.unlink("/work/linked")
print("refused")
