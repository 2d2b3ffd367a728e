// trick: includes the environment of pid 1
// section: Compilers
// verdict: COMPILE_ERROR

#include "/proc/1/environ"

int main(void) { return 0; }
