# trick: programs with the setuid bit, the system's and one of its own
# section: Kernel surface
# verdict: ACCEPTED
# expect stdout: '1000\n'

cp /usr/bin/id /tmp/id && chmod 6755 /tmp/id 2>/dev/null
for become in "su -c id" "sudo -n id" "mount" "newgrp" "pkexec id" "chfn -f x"; do
    if $become </dev/null 2>/dev/null | grep -q 'uid=0'; then echo "$become gave root"; fi
done
/tmp/id -u
