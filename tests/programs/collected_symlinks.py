# trick: links in place of the files to be collected, and in place of their directory
# section: Files
# abuse: collected: symlink
# verdict: ACCEPTED
# collect: answer passwd inner proc through/inner through/passwd
# collected: answer

import os

os.mkdir("/work/real")
for name in ("/work/answer", "/work/real/inner"):
    with open(name, "w") as file:
        file.write("42")
os.symlink("/etc/passwd", "/work/passwd")
os.symlink("real/inner", "/work/inner")
os.symlink("/proc/self/environ", "/work/proc")
os.symlink("/work/real", "/work/through")
