# trick: not Python at all
# section: Processes
# verdict: RUNTIME_ERROR
# outcome: exit_code=1 stderr_bytes>=1

def (:
