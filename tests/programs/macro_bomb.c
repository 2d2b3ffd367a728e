// trick: a macro that doubles thirty times
// section: Compilers
// abuse: macro bomb
// verdict: COMPILE_ERROR
// compile limits: cpu_seconds=0.5 wall_seconds=2 memory_bytes=134217728

#define A(x) x x
#define B(x) A(A(A(A(A(x)))))
#define C(x) B(B(B(B(B(B(x))))))

int main(void) {
    int n = 0;
    C(n++;)
    return n;
}
