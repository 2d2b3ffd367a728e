# trick: the first process ends at once, the bomb that it started goes on
# section: Processes
# verdict: ACCEPTED
# limits: memory_bytes=134217728 processes=32
# expect stdout: 'lit\n'
# outcome: exit_code=0 wall_seconds<=5

bomb() { bomb | bomb; }
# One fork of its own, before any of the others: it cannot be refused.
(bomb) >/dev/null 2>&1 &
echo lit
