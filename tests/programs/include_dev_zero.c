// trick: includes a file without end
// section: Compilers
// abuse: include of /dev/zero
// verdict: COMPILE_ERROR
// compile limits: cpu_seconds=0.5 wall_seconds=2 memory_bytes=134217728

#include "/dev/zero"

int main(void) { return 0; }
