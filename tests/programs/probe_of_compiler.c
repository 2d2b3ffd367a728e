// trick: includes files that a compiler outside the sandbox could read
// section: Compilers
// verdict: COMPILE_ERROR

#include "/etc/shadow"
#include "/root/.bash_history"

int main(void) { return 0; }
