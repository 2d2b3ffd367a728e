// trick: long computations, reads of files and assembler directives while it is compiled, all of it at its own expense
// section: Compilers
// abuse: code run by the compiler
// verdict: COMPILE_ERROR
// compile limits: cpu_seconds=1 wall_seconds=3 memory_bytes=268435456

#if __has_include("/etc/shadow") || __has_include("/root/.bashrc") || __has_include("/proc/1/environ")
#error "files of the machine are there"
#endif
constexpr int ack(int m, int n) { return m == 0 ? n + 1 : n == 0 ? ack(m - 1, 1) : ack(m - 1, ack(m, n - 1)); }
static_assert(ack(3, 9) > 0, "depth");
__asm__(".rept 1000000\n.incbin \"/proc/self/environ\"\n.endr");

int main() { return ack(3, 3); }
