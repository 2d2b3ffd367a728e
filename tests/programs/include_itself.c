// trick: includes itself twice, without end
// section: Compilers
// abuse: file that includes itself
// verdict: COMPILE_ERROR
// compile limits: cpu_seconds=0.5 wall_seconds=2 memory_bytes=134217728

#include __FILE__
#include __FILE__
