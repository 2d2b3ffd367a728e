# trick: looks for the host's paths in its mount table
# section: Kernel surface
# verdict: ACCEPTED
# expect stdout: 'its own only\n'

with open("/proc/self/mountinfo") as file:
    for line in file:
        root, point = line.split()[3:5]
        assert point.split("/")[1] in ("", "usr", "bin", "lib", "lib64", "sbin", "etc", "opt", "proc", "sys", "dev", "work",
                                       "tmp", "var", "run", "home", "program"), line
        assert "assay.sock" not in root, line
print("its own only")
