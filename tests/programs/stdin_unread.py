# trick: ends without reading a large input
# section: Resources
# verdict: ACCEPTED
# stdin: 'some input that nobody reads\n'
# expect stdout: 'done\n'

print("done")
