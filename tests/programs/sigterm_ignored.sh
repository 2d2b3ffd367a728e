# trick: ignores SIGTERM and everything else that can be ignored, and waits, with children that do the same
# section: Processes
# abuse: SIGTERM ignored
# verdict: TIME_LIMIT
# limits: wall_seconds=0.5
# outcome: stopped_by=wall wall_seconds<=2

trap '' HUP INT QUIT TERM USR1 USR2 ALRM CHLD TSTP TTIN TTOU
(while :; do sleep 1000; done) &
(setsid sleep 1000) &
while :; do sleep 1000; done
