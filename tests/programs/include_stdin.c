// trick: includes the compiler's own input
// section: Compilers
// verdict: COMPILE_ERROR
// compile limits: cpu_seconds=0.5 wall_seconds=2 memory_bytes=134217728
// stdin: 'int main(void) { return 0; }\n'

#include "/dev/stdin"
