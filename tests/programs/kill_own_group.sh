# trick: kills its process group, and with it whoever was forgotten there
# section: Processes
# verdict: RUNTIME_ERROR
# outcome: signal=9 oom_kills=0

kill -KILL 0
sleep 1000
