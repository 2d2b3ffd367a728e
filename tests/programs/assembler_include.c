// trick: makes the assembler read files instead
// section: Compilers
// abuse: compile-time execution
// verdict: COMPILE_ERROR
// compile limits: cpu_seconds=1 wall_seconds=3 memory_bytes=134217728

__asm__(".incbin \"/etc/shadow\"");
__asm__(".incbin \"/proc/1/environ\"");

int main(void) { return 0; }
