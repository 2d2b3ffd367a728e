# trick: NUL bytes, invalid UTF-8, carriage returns and terminal sequences come back as written
# section: Resources
# abuse: output of NUL bytes
# abuse: output that is no UTF-8
# verdict: ACCEPTED
# expect stdout: b'\x00\xff\xfe\xed\xa0\x80\r\n\x1b[2J\xc0\x80 no newline at the end'

import sys

sys.stdout.buffer.write(b"\x00\xff\xfe\xed\xa0\x80\r\n\x1b[2J\xc0\x80 no newline at the end")
