// trick: none: a function that is not there
// section: Compilers
// verdict: COMPILE_ERROR

int elsewhere();

int main() { return elsewhere(); }
