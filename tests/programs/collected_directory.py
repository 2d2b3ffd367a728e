# trick: directories in place of the files to be collected, one of them without rights
# section: Files
# abuse: collected: directory
# verdict: ACCEPTED
# collect: directory closed closed/inner
# outcome: exit_code=0 collected_bytes=0 wall_seconds<=5

import os

os.mkdir("/work/directory")
os.mkdir("/work/closed")
os.mkdir("/work/closed/inner")
os.chmod("/work/closed", 0)
