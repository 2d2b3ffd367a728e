# trick: deletes what can be deleted
# section: Files
# verdict: ACCEPTED
# expect stdout: 'still here\n'

rm -rf --no-preserve-root /etc /bin /lib /lib64 /dev /program /work /tmp /home /run /var /usr/bin /usr/lib/os-release 2>/dev/null
test -x /usr/bin/env && test -e /dev/null && ls / >/dev/null && echo still here
