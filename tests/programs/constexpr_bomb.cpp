// trick: a computation without end at compile time
// section: Compilers
// abuse: constexpr bomb
// verdict: COMPILE_ERROR
// compile limits: cpu_seconds=0.4 wall_seconds=2 memory_bytes=268435456

constexpr unsigned long busy(unsigned depth) { return depth == 0 ? 1 : busy(depth - 1) + busy(depth - 1) + depth; }
constexpr unsigned long answer = busy(60);

int main() { return answer & 1; }
