# trick: sleeps for ever without using any CPU
# section: Resources
# abuse: sleep without end
# verdict: TIME_LIMIT
# limits: wall_seconds=0.5
# outcome: stopped_by=wall cpu_seconds<=0.4 wall_seconds>=0.5 wall_seconds<=1.6

exec sleep 1000000000
