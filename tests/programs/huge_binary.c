// trick: a binary of four gigabytes
// section: Compilers
// abuse: huge binary
// verdict: COMPILE_ERROR
// compile limits: cpu_seconds=2 wall_seconds=6 memory_bytes=134217728 disk_bytes=33554432

char block[1L << 32] = {1};

int main(void) { return block[0]; }
