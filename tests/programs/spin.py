# trick: the endless loop
# section: Resources
# verdict: TIME_LIMIT
# limits: cpu_seconds=0.3
# outcome: stopped_by=cpu cpu_seconds>=0.3

while True:
    pass
