// trick: makes the assembler read files instead
// section: Compilers
// abuse: code run by the compiler
// verdict: COMPILE_ERROR
// compile limits: cpu_seconds=1 wall_seconds=3 memory_bytes=134217728

__asm__(".incbin \"/etc/shadow\"");
__asm__(".incbin \"/proc/1/environ\"");

int main(void) { return 0; }
