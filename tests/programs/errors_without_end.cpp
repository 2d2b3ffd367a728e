// trick: megabytes of error messages
// section: Compilers
// abuse: errors without end
// verdict: COMPILE_ERROR
// compile limits: cpu_seconds=1.5 wall_seconds=5 memory_bytes=268435456

#define A missing(;
#define B A A A A A A A A
#define C B B B B B B B B
#define D C C C C C C C C
#define E D D D D D D D D

int main() { E E E E }
