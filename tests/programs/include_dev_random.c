// trick: includes a file without end that is different each time
// section: Compilers
// abuse: include of /dev/random
// verdict: COMPILE_ERROR
// compile limits: cpu_seconds=0.5 wall_seconds=2 memory_bytes=134217728

#include "/dev/urandom"

int main(void) { return 0; }
