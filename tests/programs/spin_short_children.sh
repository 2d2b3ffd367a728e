# trick: spends its time in many short children, none of which lives long
# section: Resources
# verdict: TIME_LIMIT
# limits: cpu_seconds=0.4
# outcome: stopped_by=cpu

while :; do (:); done
