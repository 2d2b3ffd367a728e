// trick: divides by zero
// section: Processes
// verdict: RUNTIME_ERROR
// outcome: signal=8

int main(int count, char **names) {
    (void)names;
    volatile int zero = count - count;
    return 1000 / zero;
}
