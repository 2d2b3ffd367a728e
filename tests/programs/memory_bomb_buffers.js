// trick: buffers outside the engine's heap, without end
// section: Resources
// verdict: MEMORY_LIMIT
// limits: memory_bytes=134217728
// outcome: signal=9 oom_kills>=1

const kept = [];
for (;;) kept.push(Buffer.alloc(1 << 20, 1));
