# trick: opens its streams by name
# section: Resources
# verdict: ACCEPTED
# stdin: 'from stdin\n'
# expect stdout: 'a\nb\nfrom stdin\nc\n'
# outcome: stderr_bytes=2

echo a
echo b >/dev/stdout
cat /dev/stdin
echo e >/dev/stderr
echo c >>/proc/self/fd/1
