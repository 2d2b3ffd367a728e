// trick: none: a name that is not declared
// section: Compilers
// verdict: COMPILE_ERROR

int main(void) { return undeclared; }
