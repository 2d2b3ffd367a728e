# trick: replaces itself by a program that is not there
# section: Processes
# verdict: RUNTIME_ERROR
# outcome: exit_code=127

exec /nowhere/at/all
