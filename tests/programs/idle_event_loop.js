// trick: an event loop with nothing left to do but wait
// section: Resources
// verdict: TIME_LIMIT
// limits: wall_seconds=0.8
// outcome: stopped_by=wall

setInterval(() => {}, 1 << 30);
