// trick: writes to address 0
// section: Processes
// verdict: RUNTIME_ERROR
// outcome: signal=11 oom_kills=0

int main() {
    volatile int *nowhere = nullptr;
    *nowhere = 1;
}
