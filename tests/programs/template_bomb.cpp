// trick: templates that double forty times
// section: Compilers
// abuse: template bomb
// verdict: COMPILE_ERROR
// compile limits: cpu_seconds=0.5 wall_seconds=2 memory_bytes=134217728

template <unsigned Depth, unsigned long Path> struct Bomb {
    static constexpr unsigned long value = Bomb<Depth - 1, Path * 2>::value + Bomb<Depth - 1, Path * 2 + 1>::value;
};
template <unsigned long Path> struct Bomb<0, Path> {
    static constexpr unsigned long value = 1;
};

int main() { return Bomb<40, 0>::value & 1; }
